"""Exposure: who looks whether every byte was verified within the goal, and says so where one was not."""

from __future__ import annotations

from datetime import timedelta

from wan_healthd.domain import exposure
from wan_healthd.domain.alerts import CORRUPTION_FOUND, EXPOSURE_MISSED
from wan_healthd.domain.ports import Clock
from wan_healthd.services.budget import BudgetWatch
from wan_healthd.services.conditions import Conditions
from wan_healthd.store import oldest, timers
from wan_healthd.store.database import Database

EXPOSURE = "exposure-check"


class ExposureWatch:
    """Looks when asked, which is each hour, and after each sweep.

    Args:
        goal: how old the stalest verified byte of a model may be.
        budget: whether sweeps may reach it; looked at on this occasion.
    """

    def __init__(
        self, database: Database, clock: Clock, conditions: Conditions, goal: timedelta, budget: BudgetWatch | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._conditions = conditions
        self._goal = goal
        self._budget = budget

    async def look(self) -> None:
        """Tell what is missed, and what is within the goal again.

        Bytes that are known as damaged are read by every full sweep and never verified: of their model that is no news.

        Raises:
            StoreUnusable: the state refuses.
        """
        now = self._clock.now()
        known = {entry.model_id for entry in await self._conditions.open_now(EXPOSURE_MISSED)}
        damaged = {entry.model_id for entry in await self._conditions.open_now(CORRUPTION_FOUND)}
        exposures = await self._database.read(oldest.exposures)
        for item in exposures:
            if exposure.is_missed(item, self._goal, now):
                if item.model_id in damaged - known:
                    continue
                message = exposure.told(item, self._goal)
                await self._conditions.open(EXPOSURE_MISSED, item.model_id, message, model_id=item.model_id)
            elif item.model_id in known:
                await self._conditions.close(EXPOSURE_MISSED, item.model_id, "every byte was verified within the goal again")
        for model_id in known - {item.model_id for item in exposures}:
            if model_id is not None:
                await self._conditions.close(EXPOSURE_MISSED, model_id, "nothing of it is left to be verified")
        if self._budget is not None:
            await self._budget.look()
        await self._database.write(lambda db: timers.ran(db, EXPOSURE, now))
