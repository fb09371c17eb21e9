"""The schedule: when sweeps are due, kept over restarts. Scheduled jobs only enqueue."""

from __future__ import annotations

from datetime import datetime, timedelta

from wan_healthd.domain.ports import Clock, Cron
from wan_healthd.domain.settings import Settings
from wan_healthd.services.conduct import FULL, INCREMENTAL, Conductor
from wan_healthd.store import timers
from wan_healthd.store.database import Database


def first_run(last: datetime | None, interval_s: float, now: datetime) -> datetime:
    """When a timer is due first: an interval after its last run; at once if that passed, or if a clock jump put it ahead."""
    if last is None or last > now:
        return now
    return max(now, last + timedelta(seconds=interval_s))


class Schedule:
    """Starts and stops the timers of the sweeps."""

    def __init__(self, cron: Cron, clock: Clock, database: Database, conductor: Conductor, settings: Settings) -> None:
        self._cron = cron
        self._clock = clock
        self._database = database
        self._conductor = conductor
        self._intervals = {INCREMENTAL: settings.incremental_every_s, FULL: settings.sweep.full_every}
        self._is_running = False

    async def start(self) -> None:
        """Begin; an incremental sweep comes at once, since nobody watched until now. A second start does nothing."""
        if self._is_running:
            return
        self._is_running = True
        now = self._clock.now()
        # The first read of everything is the incremental sweep's work: the first full sweep is due an interval later, counted
        # from the first start of all, or a machine that is switched off every night would never see one.
        try:
            last_full = await self._database.write(lambda db: timers.waiting_since(db, FULL, now))
        except BaseException:
            self._is_running = False
            raise
        if self._is_running:  # nobody stopped it meanwhile
            self._cron.start()
            self._every(INCREMENTAL, now)
            self._every(FULL, first_run(last_full, self._intervals[FULL], now))

    def stop(self) -> None:
        """No more sweeps are begun; those under way go on. Stopping twice does nothing."""
        if self._is_running:
            self._is_running = False
            self._cron.shutdown()

    def next_runs(self) -> dict[str, datetime]:
        """Next time of each sweep; empty where the schedule is stopped."""
        return self._cron.next_runs() if self._is_running else {}

    def _every(self, name: str, first_at: datetime) -> None:
        self._cron.every(name, self._intervals[name], first_at, lambda: self._conductor.ask(name))
