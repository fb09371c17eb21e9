"""Sizes, times and scores in words."""

from __future__ import annotations

from datetime import UTC, datetime

from wan_healthd.domain import amounts
from wan_healthd.domain.amounts import duration_text

NOTHING = "-"


def size_text(size_bytes: int | None) -> str:
    """As findings say it: "34.2 GB"; "-" for None."""
    return NOTHING if size_bytes is None else amounts.size_text(size_bytes)


def score_text(score: float) -> str:
    """Two digits, rounded down, so that only a perfect score reads 1.00."""
    return f"{int(score * 100 + 1e-9) / 100:.2f}"


def age_text(then: datetime | None, now: datetime) -> str:
    """How long ago; "never" for None, "now" for the future, which clocks that differ can give."""
    if then is None:
        return "never"
    seconds = (now - then).total_seconds()
    return "now" if seconds < 1 else f"{duration_text(seconds)} ago"


def until_text(then: datetime | None, now: datetime) -> str:
    """How long from now."""
    if then is None:
        return "not planned"
    seconds = (then - now).total_seconds()
    return "now" if seconds < 1 else f"in {duration_text(seconds)}"


def time_text(moment: datetime | None) -> str:
    """UTC to the second: "2026-07-01 12:00:03Z"; "-" for None."""
    if moment is None:
        return NOTHING
    try:
        return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
    except OverflowError:  # year 1 or 9999, in a zone that pushes it out of the calendar
        return NOTHING


def count_text(count: int, noun: str) -> str:
    """A number with its noun: "1 file", "3 files"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
