from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from wan_healthd.cli.wording import age_text, score_text, size_text, time_text, until_text

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (34_200_000_000, "34.2 GB"),
        (10**21, "1000000.0 PB"),
        (-5, "-5 B"),
    ],
)
def test_sizes_are_decimal(size: int | None, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(("score", "text"), [(1.0, "1.00"), (0.9999, "0.99"), (0.29, "0.29"), (0.0, "0.00"), (0.5, "0.50")])
def test_only_a_perfect_score_reads_as_one(score: float, text: str) -> None:
    assert score_text(score) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=-5), "now"),
        (timedelta(0), "now"),
        (timedelta(seconds=45), "45 s ago"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(days=3), "3 days ago"),
    ],
)
def test_ages(ago: timedelta, text: str) -> None:
    assert age_text(NOW - ago, NOW) == text


def test_times() -> None:
    assert (age_text(None, NOW), until_text(None, NOW), time_text(None)) == ("never", "not planned", "-")
    assert until_text(NOW + timedelta(hours=1), NOW) == "in 1 h"
    assert time_text(NOW) == "2026-07-01 12:00:00Z"
    assert time_text(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))) == "-"
