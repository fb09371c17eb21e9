"""Sizes, times and scores in words."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_STEP = 1000
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
NOTHING = "-"


def size_text(size_bytes: int | None) -> str:
    """Decimal units, as disks and the contract count: "34.2 GB"; "-" for None."""
    if size_bytes is None:
        return NOTHING
    amount, unit = float(size_bytes), 0
    while amount >= _STEP - 0.05 and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    return f"{size_bytes} B" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def score_text(score: float) -> str:
    """Two digits, rounded down, so that only a perfect score reads 1.00."""
    return f"{int(score * 100 + 1e-9) / 100:.2f}"


def duration_text(seconds: float) -> str:
    """The largest fitting unit: "45 s", "5 min", "3 h", "2 days"."""
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < 2 * _DAY:
        return f"{whole // _HOUR} h"
    return f"{whole // _DAY} days"


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
