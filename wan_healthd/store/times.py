"""Times and numbers as SQLite keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC time."""
    return _EPOCH + micros * _MICROSECOND


def optional_time(micros: int | None) -> datetime | None:
    """The aware UTC time, or None."""
    return None if micros is None else from_micros(micros)


def signed(unsigned: int) -> int:
    """A 64-bit number as SQLite's signed integer."""
    return unsigned - (1 << 64) if unsigned >= 1 << 63 else unsigned


def unsigned(number: int) -> int:
    """The reverse of `signed`."""
    return number + (1 << 64) if number < 0 else number
