"""The digest worker: told once when it is lost, and over when its successor has worked on for a while."""

from __future__ import annotations

import asyncio

from wan_healthd.domain.alerts import WORKER_LOST
from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.domain.paths import printable
from wan_healthd.services.alert import Alerter
from wan_healthd.services.conditions import Conditions
from wan_healthd.services.crew import Crew

QUIET_S = 600.0
"""A worker that lasts this long is well; one that dies again and again is one alert."""


class WorkerWatch:
    """Takes losses of the worker, which is replaced by itself."""

    def __init__(self, conditions: Conditions, alerter: Alerter, crew: Crew, quiet_s: float = QUIET_S) -> None:
        self._crew = crew
        self._conditions = conditions
        self._alerter = alerter
        self._quiet_s = quiet_s
        self._losses = 0

    async def begin(self) -> None:
        """We begin with a new worker: what was said of one before is over."""
        await self._conditions.close(WORKER_LOST, "", "wan-healthd was started anew, and with it the digest worker")

    def lost(self, why: str) -> None:
        """Have a loss told, and its end. Does not wait."""
        self._crew.start(self._tell(why))

    async def _tell(self, why: str) -> None:
        self._losses += 1
        number = self._losses
        message = f"the digest worker was lost and is replaced: {printable(why)}"
        try:
            await self._conditions.open(WORKER_LOST, "", message, is_event=True)
            await asyncio.sleep(self._quiet_s)
            if number == self._losses:
                await self._conditions.close(WORKER_LOST, "", "the digest worker works again")
        except StoreUnusable:  # no ledger, but people must know
            self._alerter.tell(WORKER_LOST, message)
