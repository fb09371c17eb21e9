"""When a wait of the sweeps is long enough to be told, and when it is over. Pure."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

LONG_S = 600.0
"""Shorter waits are nobody's business."""

BREATH_S = 60.0
"""Whoever goes on for less than this has not gone on: a wait with short breaks is one, and told once."""


class News(StrEnum):
    """What is to be told."""

    LONG = "long"
    OVER = "over"


class Wait(Struct, frozen=True):
    """A wait under way: since when, when it was last seen, by a monotonic clock in seconds; and whether it was told."""

    since_s: float
    last_s: float
    is_told: bool = False

    @property
    def length_s(self) -> float:
        """How long it has lasted, in seconds."""
        return self.last_s - self.since_s


def observe(before: Wait | None, *, is_waiting: bool, now_s: float) -> tuple[Wait | None, News | None]:
    """Whether sweeps wait now: the wait under way, and what is to be told of it. With OVER the wait is told a last time."""
    if not is_waiting:
        if before is None or now_s - before.last_s < BREATH_S:
            return before, None
        return None, News.OVER if before.is_told else None
    if before is None or now_s - before.last_s >= BREATH_S:
        return Wait(now_s, now_s), None
    wait = Wait(before.since_s, now_s, before.is_told)
    if wait.is_told or wait.length_s < LONG_S:
        return wait, None
    return Wait(wait.since_s, now_s, is_told=True), News.LONG
