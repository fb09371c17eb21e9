"""No bytes of the hub's do more than be refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_healthd.domain.hub import RepoEntry
from wan_healthd.domain.source_ref import COMMIT
from wan_healthd.hub import answers
from wan_healthd.hub.faults import Trouble, of_status, seconds

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["sha", "type", "path", "oid", "lfs"]), inner),
    max_leaves=8,
)


@given(st.binary() | JSON.map(lambda value: repr(value).replace("'", '"').encode()))
def test_anything_is_understood_or_refused(body: bytes) -> None:
    with contextlib.suppress(Trouble):
        assert COMMIT.fullmatch(answers.commit(body))
    with contextlib.suppress(Trouble):
        assert all(entry is None or entry.size_bytes >= 0 for entry in answers.page(body))


def test_a_page() -> None:
    body = (
        b'[{"type":"directory","oid":"d","size":0,"path":"vae"},'
        b'{"type":"file","oid":"b1","size":3,"path":"a"},'
        b'{"type":"file","oid":"b2","size":4,"path":"b","lfs":{"oid":"s","size":4,"pointerSize":1},"xetHash":"x"},'
        b'{"type":"file","oid":"b3","size":5,"path":"c","xetHash":"x","security":{}}]'
    )
    assert answers.page(body) == [
        None,
        RepoEntry("a", 3, "b1"),
        RepoEntry("b", 4, "b2", "s", is_elsewhere=True),
        RepoEntry("c", 5, "b3", is_elsewhere=True),
    ]


@pytest.mark.parametrize(
    ("text", "expected"), [("3", 3.0), (" 120 ", 120.0), ("", None), ("-1", None), ("Wed, 21 Oct 2026", None), ("9" * 9, None)]
)
def test_a_pause(text: str, expected: float | None) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(("status", "passes"), [(408, True), (429, True), (500, True), (503, True), (404, False), (400, False)])
def test_what_may_pass(status: int, passes: bool) -> None:
    assert of_status(status, "", "").passes is passes
