"""Pacing sweeps: they make way for others, keep to a rate, and keep quiet when they shall."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, tzinfo
from typing import Protocol

from wan_healthd.domain import quiet_hours
from wan_healthd.domain.making_way import YieldReason
from wan_healthd.domain.occupation import Occupation
from wan_healthd.domain.politeness import (
    Cause,
    MadeWay,
    Stance,
    WhileGenerating,
    Yielding,
    allowed_rate,
    strictest,
)
from wan_healthd.domain.ports import Clock, ReadMode
from wan_healthd.domain.settings import SweepSettings
from wan_healthd.services import gpu_watch
from wan_healthd.services.at_work import AtWork
from wan_healthd.services.gpu_watch import GpuWatch
from wan_healthd.services.long_waits import LongWaits
from wan_healthd.services.pause import Pauses
from wan_healthd.services.queue import WorkQueue

LOOK_S = 0.1
"""Between two looks at disk and processors while a sweep reads at full speed: so long others may have to share them."""

LOOK_AGAIN_S = 0.5
"""While it makes way."""

QUIET_LOOK_S = 5.0
"""Between two looks at the clock, where nothing is swept: quiet hours and announcements end by it."""

PUT_DOWN_S = 60.0
"""For so long a generation has what is being read wait where it is: a first read cannot go on at its block, and would begin
anew after each short one. Then it is put down, and nobody's file is held open."""


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
    """Looks at the clock and at what is announced and, while sweeps read, at the others; sets the sweeps' pace.

    Args:
        at_work: who else uses disks and processors.
        gpus: whether a graphics processor is busy.
        announced: the generation that a client announced; quick, and called in the event loop.
        long_waits: told of all that sweeps make way for.
        zone: whose clock quiet hours go by; None for the system's.
    """

    def __init__(
        self,
        settings: SweepSettings,
        engine: PacedEngine,
        queue: WorkQueue,
        pauses: Pauses,
        clock: Clock,
        *,
        at_work: AtWork,
        gpus: GpuWatch,
        announced: Callable[[], Occupation | None],
        long_waits: LongWaits,
        zone: tzinfo | None = None,
    ) -> None:
        self._settings = settings
        self._quiet = quiet_hours.quiet_minutes([quiet_hours.parse(text) for text in settings.quiet_hours])
        self._engine = engine
        self._queue = queue
        self._pauses = pauses
        self._clock = clock
        self._at_work = at_work
        self._gpus = gpus
        self._announced = announced
        self._long_waits = long_waits
        self._zone = zone
        self._stance = Stance.GO
        self._cause: Cause | None = None
        self._since: dict[YieldReason, datetime] = {}
        self._generating_since_s: float | None = None
        self._stirred = asyncio.Event()
        engine.set_pace(allowed_rate(Stance.GO, settings.max_rate))

    @property
    def yielding(self) -> Yielding | None:
        """What sweeps make way for right now."""
        if self._cause is None:
            return None
        rate = allowed_rate(self._stance, self._settings.max_rate) or 0
        return Yielding(self._cause.reason, self._since[self._cause.reason], self._cause.until, int(rate), self._cause.what)

    @property
    def is_waiting(self) -> bool:
        """Whether sweeps read nothing, for others' sake."""
        return self._stance is Stance.WAIT

    @property
    def made_way(self) -> tuple[MadeWay, ...]:
        """See `LongWaits`."""
        return self._long_waits.made_way

    def changed(self) -> None:
        """Something else is announced: do not wait until the next look."""
        self._stirred.set()
        self._queue.stir()

    async def run(self) -> None:
        """Look again and again, until cancelled; sleeps while there is nothing to look at."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_looking())
            if self._settings.while_generating is not WhileGenerating.GO:
                group.create_task(self._keep_looking_at_gpus())

    async def look(self) -> None:
        """One look at the clock, at announcements and, if a sweep reads, at disks and processors; sets the pace by them."""
        if self._queue.is_sweeping and self._settings.mode is not ReadMode.FULL:
            await self._at_work.look(self._engine.pid)
        else:
            self._at_work.forget()
        causes = list(self._causes())
        self._stance, self._cause = strictest(causes, self._settings.mode, self._settings.while_generating)
        now = self._clock.now()
        self._since = {cause.reason: self._since.get(cause.reason, now) for cause in causes}
        self._pauses.keep_quiet(is_quiet=self._is_to_put_down())
        is_awaited = self._engine.is_in_demand or self._queue.is_in_the_way
        self._engine.set_pace(None if is_awaited else allowed_rate(self._stance, self._settings.max_rate))
        self._long_waits.heard(self.yielding)

    def _causes(self) -> Iterator[Cause]:
        """All that sweeps may have to make way for, in the order in which it is told."""
        quiet_until = quiet_hours.quiet_until(self._quiet, self._clock.now(), self._zone) if self._quiet else None
        if quiet_until is not None:
            yield Cause(YieldReason.QUIET_HOURS, until=quiet_until)
        announced = self._announced()
        if announced is not None:
            yield Cause(YieldReason.GENERATION, announced.what, announced.until)
        if self._gpus.busy is not None:
            yield Cause(YieldReason.BUSY_GPU, self._gpus.busy)
        if self._at_work.is_disk_busy:
            yield Cause(YieldReason.BUSY_DISK)
        if self._at_work.is_processor_busy:
            yield Cause(YieldReason.BUSY_PROCESSOR)

    def _is_to_put_down(self) -> bool:
        """In quiet hours at once; for generations after a while. What waits for disk or processors waits where it is."""
        is_generating = not self._since.keys().isdisjoint({YieldReason.GENERATION, YieldReason.BUSY_GPU})
        if not is_generating or self._settings.while_generating is not WhileGenerating.PAUSE:
            self._generating_since_s = None
        elif self._generating_since_s is None:
            self._generating_since_s = self._clock.monotonic()
        waited_s = 0.0 if self._generating_since_s is None else self._clock.monotonic() - self._generating_since_s
        return YieldReason.QUIET_HOURS in self._since or waited_s >= PUT_DOWN_S

    async def _keep_looking(self) -> None:
        while True:
            self._stirred.clear()
            await self.look()
            with suppress(TimeoutError):
                if self._queue.is_sweeping:  # files come and go by the thousand: by the clock alone
                    async with asyncio.timeout(LOOK_S if self._may_have_to_slow_down else LOOK_AGAIN_S):
                        await self._stirred.wait()
                else:
                    is_timed = bool(self._quiet) or self._cause is not None or self._long_waits.is_told
                    async with asyncio.timeout(QUIET_LOOK_S if is_timed else None):
                        await self._queue.next_change()

    @property
    def _may_have_to_slow_down(self) -> bool:
        return self._stance is Stance.GO and self._settings.mode is not ReadMode.FULL

    async def _keep_looking_at_gpus(self) -> None:
        while True:
            if self._queue.is_sweeping or self._gpus.busy is not None:
                await self._gpus.look()
                await asyncio.sleep(gpu_watch.LOOK_S)
            elif self._gpus.is_awake:
                if not await self._is_sweeping_again():
                    await self._gpus.rest()
            else:
                await self._queue.next_change()

    async def _is_sweeping_again(self) -> bool:
        """Whether it was but a gap between two files."""
        with suppress(TimeoutError):
            async with asyncio.timeout(gpu_watch.REST_S):
                while not self._queue.is_sweeping:
                    await self._queue.next_change()
        return self._queue.is_sweeping
