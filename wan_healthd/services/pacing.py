"""Pacing sweeps: they make way for others who use the disk, keep to a rate, and keep quiet when they shall."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, tzinfo
from typing import Protocol

from wan_healthd.domain import quiet_hours
from wan_healthd.domain.politeness import (
    DiskSample,
    Observation,
    Stance,
    Yielding,
    YieldReason,
    allowed_rate,
    observe,
)
from wan_healthd.domain.ports import Clock, ReadMode, Threads
from wan_healthd.domain.settings import SweepSettings
from wan_healthd.services.pause import Pauses
from wan_healthd.services.queue import WorkQueue

LOOK_S = 0.1
"""Between two looks at the disk while a sweep reads at full speed: so long others may have to share it."""

LOOK_AGAIN_S = 0.5
"""While it makes way."""

QUIET_LOOK_S = 5.0
"""Between two looks at the clock, where there are quiet hours."""


class PacedEngine(Protocol):
    """The part of the digest engine that can be paced."""

    @property
    def pid(self) -> int | None:
        """The worker's process id."""

    @property
    def is_in_demand(self) -> bool:
        """Whether a read that somebody waits for cannot begin, since others are under way."""

    def set_pace(self, bytes_per_s: float | None) -> None:
        """How fast paced reads together may be; None for no limit."""


class Pacer:
    """Looks at the clock and, while sweeps read, at the disk; sets their pace.

    Args:
        sample: one look at the disks; given the worker's process id. None where they cannot be looked at.
        zone: whose clock quiet hours go by; None for the system's.
    """

    def __init__(
        self,
        settings: SweepSettings,
        engine: PacedEngine,
        queue: WorkQueue,
        pauses: Pauses,
        clock: Clock,
        threads: Threads,
        sample: Callable[[int | None], DiskSample | None],
        zone: tzinfo | None = None,
    ) -> None:
        self._mode = settings.mode
        self._max_rate = settings.max_rate
        self._quiet = quiet_hours.quiet_minutes([quiet_hours.parse(text) for text in settings.quiet_hours])
        self._engine = engine
        self._queue = queue
        self._pauses = pauses
        self._clock = clock
        self._threads = threads
        self._sample = sample
        self._zone = zone
        self._seen = Observation()
        self._since: datetime | None = None
        self._quiet_since: datetime | None = None
        self._quiet_until: datetime | None = None
        engine.set_pace(allowed_rate(Stance.GO, self._max_rate))

    @property
    def yielding(self) -> Yielding | None:
        """What sweeps make way for right now."""
        if self._quiet_since is not None:
            return Yielding(YieldReason.QUIET_HOURS, self._quiet_since, self._quiet_until)
        if self._since is not None:
            rate = allowed_rate(self._seen.stance, self._max_rate) or 0
            return Yielding(YieldReason.BUSY_DISK, self._since, rate_bytes_per_s=int(rate))
        return None

    @property
    def is_waiting(self) -> bool:
        """Whether sweeps read nothing, for others' sake."""
        found = self.yielding
        return found is not None and not found.rate_bytes_per_s

    async def run(self) -> None:
        """Look again and again, until cancelled; sleeps while there is nothing to look at."""
        while True:
            await self.look()
            if self._queue.is_sweeping and self._mode is not ReadMode.FULL:
                await asyncio.sleep(LOOK_S if self._seen.stance is Stance.GO else LOOK_AGAIN_S)
            elif self._queue.is_sweeping and self._max_rate is not None:
                await asyncio.sleep(LOOK_AGAIN_S)  # somebody may come to wait for what is under way
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(QUIET_LOOK_S if self._quiet else None):
                        await self._queue.next_change()

    async def look(self) -> None:
        """One look at the clock and, if a sweep reads, at the disk."""
        self._look_at_clock()
        sample = await self._threads.run(lambda: self._sample(self._engine.pid)) if self._is_watching else None
        self._seen = Observation() if sample is None else observe(self._seen, sample, self._mode)
        makes_way = self._seen.stance is not Stance.GO
        self._since = (self._since or self._clock.now()) if makes_way else None
        is_awaited = self._engine.is_in_demand or self._queue.is_in_the_way
        self._engine.set_pace(None if is_awaited else allowed_rate(self._seen.stance, self._max_rate))

    @property
    def _is_watching(self) -> bool:
        return self._queue.is_sweeping and self._mode is not ReadMode.FULL

    def _look_at_clock(self) -> None:
        if not self._quiet:
            return
        now = self._clock.now()
        self._quiet_until = quiet_hours.quiet_until(self._quiet, now, self._zone)
        is_quiet = self._quiet_until is not None
        self._quiet_since = (self._quiet_since or now) if is_quiet else None
        self._pauses.keep_quiet(is_quiet=is_quiet)
