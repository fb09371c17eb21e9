"""Quiet hours, and whether sweeps can end in time."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from wan_healthd.domain.budget import Budget, told
from wan_healthd.domain.quiet_hours import parse, quiet_minutes, quiet_until

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = quiet_minutes([parse("22:00-07:00")])


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("spans", "now", "until"),
    [
        ("22:00-07:00", "2026-01-01 20:59:59", None),  # 21:59 in Berlin
        ("22:00-07:00", "2026-01-01 21:00:00", "2026-01-02 06:00"),
        ("22:00-07:00", "2026-01-02 05:59:59", "2026-01-02 06:00"),
        ("22:00-07:00", "2026-01-02 06:00:00", None),
        ("09:00-12:00", "2026-07-01 08:30:00", "2026-07-01 10:00"),
        ("22:00-00:00 00:00-06:30", "2026-01-01 22:30:00", "2026-01-02 05:30"),
        ("22:00-07:00", "2026-03-28 23:00:00", "2026-03-29 05:00"),  # the night in which an hour is left out
        ("22:00-07:00", "2026-10-24 22:00:00", "2026-10-25 06:00"),  # and the one in which it comes twice
        ("00:00-23:59", "2026-01-01 23:00:00", "2026-01-02 22:59"),
    ],
)
def test_until_when_it_is_quiet(spans: str, now: str, until: str | None) -> None:
    minutes = quiet_minutes([parse(span) for span in spans.split()])
    assert quiet_until(minutes, utc(now), BERLIN) == (None if until is None else utc(until))


def test_the_clock_of_the_system() -> None:
    found = quiet_until(quiet_minutes([parse("00:00-23:59")]), utc("2026-01-01 12:00:30"))
    assert found is not None and f"{found.astimezone():%H:%M}" == "23:59"


@pytest.mark.parametrize(
    ("total", "max_rate", "quiet", "is_met"),
    [
        (10**12, None, 0.9, True),
        (0, 10**6, 0.5, True),
        (604_800 * 10**6, 10**6, 0.0, True),
        (604_800 * 10**6 + 604_800, 10**6, 0.0, False),
        (302_400 * 10**6, 10**6, 0.5, True),
        (302_401 * 10**6, 10**6, 0.5, False),
    ],
)
def test_whether_everything_can_be_read_in_time(total: int, max_rate: int | None, quiet: float, is_met: bool) -> None:
    assert Budget(total, 604_800.0, max_rate, quiet).is_met is is_met


def test_the_numbers_in_words() -> None:
    words = told(Budget(10 * 10**12, 604_800.0, 10**7, 9 / 24))
    assert words == {
        "total": "10.0 TB",
        "goal": "7 days",
        "needed": "26.5 MB/s",
        "allowed": "10.0 MB/s",
        "quiet": " outside of quiet hours (9 h a day)",
        "least": "18 days",
    }
