"""The budget of sweeps: who looks whether all models may be read in time, and says so where they may not."""

from __future__ import annotations

from wan_healthd.domain import budget, quiet_hours
from wan_healthd.domain.alerts import SWEEPS_TOO_SLOW
from wan_healthd.domain.catalogue import SWEEPS_TOO_SLOW as FINDING
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.settings import SweepSettings
from wan_healthd.services.conditions import Conditions
from wan_healthd.store import oldest
from wan_healthd.store.database import Database


class BudgetWatch:
    """Looks when asked, which is each hour, and after each sweep."""

    def __init__(self, database: Database, conditions: Conditions, settings: SweepSettings) -> None:
        self._database = database
        self._conditions = conditions
        self._settings = settings
        self._quiet_fraction = quiet_hours.quiet_fraction([quiet_hours.parse(text) for text in settings.quiet_hours])
        self._finding: Finding | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """That it cannot be met, as of the last look."""
        return () if self._finding is None else (self._finding,)

    async def look(self) -> None:
        """One look.

        Raises:
            StoreUnusable: the state refuses; the next look tells.
        """
        total_bytes = await self._database.read(oldest.bytes_to_verify)
        now = budget.Budget(total_bytes, self._settings.full_every, self._settings.max_rate, self._quiet_fraction)
        if now.is_met:
            self._finding = None
            await self._conditions.close(SWEEPS_TOO_SLOW, "", "everything can be read in time again")
        else:
            words = budget.told(now)
            self._finding = FINDING.at(None, ranges=(), tensors=(), cause=None, severity=None, **words)
            message = "sweeps may read {allowed}, but need {needed} to read everything every {goal}".format(**words)
            await self._conditions.open(SWEEPS_TOO_SLOW, "", message, finding=self._finding)
