"""Quiet hours: local times of day in which sweeps keep quiet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from msgspec import Struct

DAY_MINUTES = 24 * 60
_SPAN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9]) ?- ?([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)


class DailySpan(Struct, frozen=True):
    """From one minute of the day until before another one; over midnight where the end is the smaller one."""

    begin: int
    end: int

    def __str__(self) -> str:
        """As it is written in the configuration."""
        return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (self.begin, self.end))

    @property
    def minutes(self) -> frozenset[int]:
        """All minutes of the day that it covers."""
        length = (self.end - self.begin) % DAY_MINUTES
        return frozenset((self.begin + step) % DAY_MINUTES for step in range(length))


def parse(text: str) -> DailySpan:
    """The span that is written as "22:00-07:00".

    Raises:
        ValueError: it is none, or it is empty.
    """
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(text)
    from_hour, from_minute, to_hour, to_minute = map(int, match.groups())
    span = DailySpan(from_hour * 60 + from_minute, to_hour * 60 + to_minute)
    if span.begin == span.end:
        raise ValueError(text)
    return span


def quiet_minutes(spans: Sequence[DailySpan]) -> frozenset[int]:
    """All minutes of the day that some span covers."""
    return frozenset[int]().union(*(span.minutes for span in spans))


def quiet_fraction(spans: Sequence[DailySpan]) -> float:
    """How much of the day some span covers, 0 to 1."""
    return len(quiet_minutes(spans)) / DAY_MINUTES


def quiet_until(minutes: frozenset[int], now: datetime, zone: tzinfo | None = None) -> datetime | None:
    """When the quiet hours end that it is now, in UTC; None if it is none of `minutes`. `zone` None: the system's.

    The clock on the wall counts: in the night in which it is turned, quiet hours are longer or shorter by an hour.
    """
    local = now.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0)
    minute = local.hour * 60 + local.minute
    if minute not in minutes:
        return None
    left = next((step for step in range(1, DAY_MINUTES) if (minute + step) % DAY_MINUTES not in minutes), DAY_MINUTES)
    return (local + timedelta(minutes=left)).replace(tzinfo=zone).astimezone(UTC)
