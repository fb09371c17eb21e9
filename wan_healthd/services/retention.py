"""Keeping years small: old events become counts, in small steps beside the work, at the start and once a day."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.domain.ports import Clock
from wan_healthd.domain.settings import Settings
from wan_healthd.store import alerts, generations, retention
from wan_healthd.store.database import Database

EVERY_S = 86_400.0
BATCH = 1000
"""Events that go in one commit: 10 ms, so that nobody waits for it."""
PAUSE_S = 0.05


class Retention:
    """Rolls up, forgets, and sleeps.

    Args:
        complain: told where the state refuses; the next day tries again.
    """

    def __init__(
        self, database: Database, clock: Clock, settings: Settings, complain: Callable[[str, BaseException | None], None]
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._complain = complain

    async def run(self) -> None:
        """Tidy up, until cancelled."""
        while True:
            try:
                await self.tidy()
            except StoreUnusable as error:
                self._complain(f"old events were not rolled up: {error.message}", None)
            await asyncio.sleep(EVERY_S)

    async def tidy(self) -> int:
        """Once, to its end; returns how many events were rolled up.

        Raises:
            StoreUnusable: the state refuses; what was done so far stays done.
        """
        now = self._clock.now()
        kept = self._settings.events
        keep_since = now - timedelta(seconds=kept.keep)
        samples_since = now - 2 * timedelta(days=self._settings.health.baseline_performance_days)
        await self._database.write(lambda db: retention.forget_old(db, now=now, samples_since=samples_since))
        await self._database.write(lambda db: alerts.forget_cleared(db, before=keep_since, most=kept.most))
        await self._database.write(lambda db: generations.forget_old(db, before=keep_since))
        total = 0
        while True:
            gone = await self._database.write(
                lambda db: retention.roll_up_events(db, keep_since=keep_since, most=kept.most, batch=BATCH)
            )
            total += gone
            if gone < BATCH:
                return total
            await asyncio.sleep(PAUSE_S)
