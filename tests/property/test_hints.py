"""However many hints come: few wait, and what each speaks of is looked at."""

from __future__ import annotations

import posixpath

from hypothesis import given
from hypothesis import strategies as st

from wan_healthd.domain.paths import is_at_or_below
from wan_healthd.domain.ports import WatchEvent, WatchKind
from wan_healthd.services.hints import COARSE, PendingHints

ROOTS = (b"/r", b"/r/inner", b"/s")
MOST = 8

names = st.sampled_from([b"a", b"b", b"c", b"inner"])
paths = st.builds(
    lambda root, parts: posixpath.join(root, *parts), st.sampled_from(ROOTS), st.lists(names, min_size=1, max_size=4)
)
of_files = st.sampled_from([kind for kind in WatchKind if kind not in COARSE])
hints = st.one_of(
    st.builds(WatchEvent, of_files, paths),
    st.builds(WatchEvent, st.just(WatchKind.FOLDER_CHANGED), paths),
    st.builds(WatchEvent, st.sampled_from([WatchKind.FAILED, WatchKind.OVERFLOW]), st.sampled_from(ROOTS)),
)


def root_of(path: bytes) -> bytes | None:
    return next((root for root in sorted(ROOTS, key=len, reverse=True) if is_at_or_below(path, root)), None)


@given(st.lists(hints, max_size=200))
def test_every_hinted_path_is_covered_and_few_wait(told: list[WatchEvent]) -> None:
    pending = PendingHints(root_of, MOST)
    for hint in told:
        pending.add(hint)
        assert len(pending) <= MOST + len(ROOTS)
    left = dict(pending.take(10_000))
    assert len(pending) == 0
    for hint in told:
        whole = [path for path, kind in left.items() if kind in COARSE and is_at_or_below(hint.path, path)]
        assert hint.path in left or whole
        if hint.kind in COARSE:
            assert whole
        if hint.kind is WatchKind.FAILED:
            assert left[hint.path] is WatchKind.FAILED


@given(st.lists(st.builds(WatchEvent, of_files, paths), max_size=MOST))
def test_few_hints_stay_as_they_are(told: list[WatchEvent]) -> None:
    pending = PendingHints(root_of, MOST)
    for hint in told:
        pending.add(hint)
    assert {path for path, _ in pending.take(MOST)} == {hint.path for hint in told}


@given(st.integers(1, 5), st.lists(paths, max_size=30, unique=True))
def test_they_are_taken_some_at_a_time_those_that_wait_longest_first(most: int, told: list[bytes]) -> None:
    pending = PendingHints(root_of, 100)
    for path in told:
        pending.add(WatchEvent(WatchKind.CLOSED, path))
    taken: list[bytes] = []
    while some := pending.take(most):
        assert len(some) <= most
        taken += [path for path, _ in some]
    assert taken == told
