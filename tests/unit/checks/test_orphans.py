"""What is said of unfinished downloads that nobody goes on with."""

from __future__ import annotations

import pytest

from wan_healthd.checks.orphans import orphan_findings
from wan_healthd.domain.partials import ORPHAN_AFTER_S, Orphans, Partial, is_orphan
from wan_healthd.domain.scoring import score_of, status_of
from wan_healthd.domain.verdicts import HealthStatus

NOW_S = 1_800_000_000
DAY_S = 86_400


def partial(age_s: int, name: bytes = b"w.gguf.part", size_bytes: int = 3_400_000_000) -> Partial:
    return Partial(b"/m/" + name, size_bytes, NOW_S - age_s)


def said(orphans: Orphans) -> list[str]:
    return [finding.message for finding in orphan_findings(orphans, NOW_S)]


@pytest.mark.parametrize(
    ("age_s", "told"),
    [
        (DAY_S, "last written to 24 h ago"),
        (3 * DAY_S, "last written to 3 days ago"),
        (-400 * DAY_S, "with a time stamp in the future"),
    ],
)
def test_size_and_age_are_told_in_human_units(age_s: int, told: str) -> None:
    message = f"w.gguf.part is an unfinished download or copy: 3.4 GB on the disk, {told}"
    assert said(Orphans((partial(age_s),), 1, 3_400_000_000)) == [message]


def test_what_is_not_named_is_counted() -> None:
    largest = partial(DAY_S, size_bytes=10)
    assert said(Orphans((largest,), 2, 2010))[1].startswith("1 more file is an unfinished download or copy: 2.0 kB")
    assert said(Orphans((largest,), 3, 2010))[1].startswith("2 more files are unfinished: 2.0 kB")


def test_names_cannot_harm_a_terminal() -> None:
    assert said(Orphans((partial(DAY_S, b"\x1b[31m.part"),), 1, 1))[0].startswith("\\x1b[31m.part is")


def test_it_is_advice_and_costs_nothing() -> None:
    (finding,) = orphan_findings(Orphans((partial(DAY_S),), 1, 1), NOW_S)
    assert (status_of([finding]), score_of([finding])) == (HealthStatus.HEALTHY, 1.0)
    assert "if no download is running" in finding.suggestion


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [(0, False), (ORPHAN_AFTER_S - 1, False), (ORPHAN_AFTER_S, True), (-60, False), (-ORPHAN_AFTER_S, True)],
)
def test_who_is_an_orphan(age_s: float, expected: bool) -> None:
    assert is_orphan(NOW_S - age_s, NOW_S) is expected
