"""Weeks in the life of a machine, on a clock that the test moves: what people were told, hour by hour, and what was swept."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from tests.fakes.clock import FakeClock
from tests.fakes.cron import FakeCron
from tests.fakes.workshop import Workshop, workshop
from wan_healthd.domain.settings import Settings
from wan_healthd.services.exposure import ExposureWatch
from wan_healthd.services.ledger import Ledger
from wan_healthd.services.orders import Order
from wan_healthd.services.queue import Priority, Ticket
from wan_healthd.services.schedule import Schedule


class Diary:
    """A machine with one root, whose daemon is restarted when the test says so.

    Attributes:
        shop: the services of the daemon that runs now.
        records: what a person read in the journal: time, class, kind and message; the root is /models there.
        swept: day and name of each sweep that finished.
        misread: see `MisreadingEngine`; the disk stays as it is over restarts.
    """

    shop: Workshop
    ledger: Ledger

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings
        self._now = FakeClock().now()
        self._looks: list[asyncio.Task[None]] = []
        self._seen = 0
        self.misread: dict[int, int] = {}
        self.records: list[str] = []
        self.swept: list[str] = []

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[None]:
        """A life of the daemon; what the machine is like stays as it was."""
        state = os.fsencode(self._folder / "state.db")
        async with workshop(self._folder, state=state) as self.shop:
            shop = self.shop
            shop.clock.jump((self._now - shop.clock.now()).total_seconds())
            shop.engine.misread = self.misread
            self._seen, self._cron, self._one_look = 0, FakeCron(shop.clock), asyncio.Lock()
            self.ledger = Ledger(shop.database, shop.clock, shop.feed)
            await shop.pauses.restore()
            shop.crew.start(shop.conductor.run())
            await self._schedule().start()
            await self.settle()
            yield
            await self._note_sweeps()
            self._now = shop.clock.now()
            assert shop.complaints == []

    def text(self) -> str:
        """All of it, for a person to read."""
        return "\n".join(["Told:", *self.records, "", "Swept:", *self.swept, ""])

    async def until(self, day: int, hour: int = 0) -> None:
        """Let the hours pass up to that one of January."""
        while self.shop.clock.now() < at(day, hour):
            await self.pass_s(3600.0)

    async def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.shop.clock.advance(seconds)
        await self.settle()

    async def turn_clock(self, days: float) -> None:
        """Set the clock, or sleep through that time: the monotonic clock stands still meanwhile."""
        self.shop.clock.jump(days * 86_400)
        await self.settle()

    async def hint(self) -> None:
        """Something seems to have happened to the root as a whole."""
        ticket = Ticket()
        await self.shop.sweeper.sweep(self.shop.root, self.shop.root, Order(Priority.CHANGED), ticket)
        await ticket.wait()
        await self.settle()

    def _schedule(self) -> Schedule:
        shop, goal = self.shop, timedelta(seconds=self._settings.exposure_goal_s)
        exposure = ExposureWatch(shop.database, shop.clock, shop.conditions, goal)
        return Schedule(
            cron=self._cron,
            clock=shop.clock,
            database=shop.database,
            conductor=shop.conductor,
            settings=self._settings,
            look_at_storage=lambda: self._begin(shop.storage.look),
            look_at_exposure=lambda: self._begin(exposure.look),
        )

    def _begin(self, look: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            async with self._one_look:  # or it would be chance which of two that are due at once comes first
                await look()

        self._looks.append(self.shop.crew.start(run()))

    async def settle(self) -> None:
        """Do what is due, until nothing is left to do but what is paused."""
        shop = self.shop
        self._cron.tick()
        while not await self._is_idle():
            await asyncio.sleep(0.001)
        await shop.alerter.tell_due()
        for alert in shop.sink.alerts[self._seen :]:
            told = alert.message.replace(os.fsdecode(shop.root), "/models")
            self.records.append(f"{shop.clock.now():%m-%d %H:%M} {alert.kind.alert_class:<11} {alert.kind.name}: {told}")
        self._seen = len(shop.sink.alerts)

    async def _is_idle(self) -> bool:
        """Nobody works, nor did before the store had done all that it was handed: nobody is between two steps."""
        if self._is_busy():
            return False
        await self.shop.database.write(lambda db: None)
        return not self._is_busy()

    def _is_busy(self) -> bool:
        shop = self.shop
        self._looks = [look for look in self._looks if not look.done()]
        conductor, is_paused = shop.conductor, shop.pauses.present is not None
        waits = conductor.waiting and not is_paused
        return bool(self._looks or conductor.running or waits or len(shop.queue) or shop.queue.active)

    async def _note_sweeps(self) -> None:
        ends = [event for event in await self.shop.events() if event.kind == "sweep-finished"]
        self.swept = [f"{event.at:%m-%d %H:%M} {event.message.split(' ')[0]}" for event in ends]


def at(day: int, hour: int = 0) -> datetime:
    """That hour of January, in UTC, in which there is no summer time; nor is there any in our schedule."""
    return FakeClock().now() + timedelta(days=day - 1, hours=hour)
