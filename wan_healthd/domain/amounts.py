"""Sizes and durations in words, the same in findings and in commands."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_STEP = 1000
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def size_text(size_bytes: int) -> str:
    """Decimal units, as disks and the contract count: "34.2 GB"."""
    amount, unit = float(size_bytes), 0
    while amount >= _STEP - 0.05 and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    return f"{size_bytes} B" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


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
