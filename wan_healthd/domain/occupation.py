"""That somebody generates: announced by a client, or seen by the use of a graphics processor."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class GpuLook(Struct, frozen=True):
    """One look at one graphics processor.

    Attributes:
        name: as its driver calls it.
        busy_percent: share of the time since about a second ago in which it computed, 0 to 100.
    """

    name: str
    busy_percent: int


class Occupation(Struct, frozen=True):
    """That a generation runs which somebody announced: who and what in words, since when, and when the announcement expires."""

    what: str
    since: datetime
    until: datetime
