"""The schedule: when sweeps are due, kept over restarts. Scheduled jobs only enqueue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from wan_healthd.domain.ports import Clock, Cron
from wan_healthd.domain.settings import Settings
from wan_healthd.services.conduct import FULL, INCREMENTAL, Conductor
from wan_healthd.services.exposure import EXPOSURE
from wan_healthd.services.storage import STORAGE
from wan_healthd.store import timers
from wan_healthd.store.database import Database

HOUR_S = 3600.0


class Duty(Struct, frozen=True):
    """Something that is done again and again; `act` only enqueues."""

    name: str
    interval_s: float
    act: Callable[[], None]


def first_run(last: datetime | None, interval_s: float, now: datetime) -> datetime:
    """When a timer is due first: an interval after its last run; at once if that passed, or if a clock jump put it ahead."""
    if last is None or last > now:
        return now
    return max(now, last + timedelta(seconds=interval_s))


class Schedule:
    """Starts and stops the timers.

    Args:
        look_at_storage, look_at_exposure: begin such a look, without waiting. At exposure also after each sweep: what it read
            is no longer missed, and what there is to read was not known before the first one.
    """

    def __init__(
        self,
        *,
        cron: Cron,
        clock: Clock,
        database: Database,
        conductor: Conductor,
        settings: Settings,
        look_at_storage: Callable[[], None],
        look_at_exposure: Callable[[], None],
    ) -> None:
        self._cron = cron
        self._clock = clock
        self._database = database
        duties = (
            Duty(INCREMENTAL, settings.incremental_every_s, lambda: conductor.ask(INCREMENTAL)),
            Duty(FULL, settings.sweep.full_every, lambda: conductor.ask(FULL)),
            Duty(STORAGE, HOUR_S, look_at_storage),
            Duty(EXPOSURE, HOUR_S, look_at_exposure),
        )
        conductor.after_sweep(look_at_exposure)
        self._duties: Mapping[str, Duty] = {duty.name: duty for duty in duties}
        self._is_running = False

    async def start(self) -> None:
        """Begin; an incremental sweep comes at once, since nobody watched until now. A second start does nothing.

        Raises:
            StoreUnusable: the state refuses; nothing was started.
        """
        if self._is_running:
            return
        self._is_running = True
        now = self._clock.now()
        # The first read of everything is the incremental sweep's work: the first full sweep is due an interval later, counted
        # from the first start of all, or a machine that is switched off every night would never see one.
        try:
            last_full, is_under_way = await self._database.write(
                lambda db: (timers.waiting_since(db, FULL, now), timers.is_under_way(db, FULL))
            )
        except BaseException:
            self._is_running = False
            raise
        if self._is_running:  # nobody stopped it meanwhile
            self._cron.start()
            self._every(INCREMENTAL, now)
            self._every(FULL, now if is_under_way else first_run(last_full, self._duties[FULL].interval_s, now))
            self._every(STORAGE, now)
            self._every(EXPOSURE, now)

    def stop(self) -> None:
        """No more sweeps are begun; those under way go on. Stopping twice does nothing."""
        if self._is_running:
            self._is_running = False
            self._cron.shutdown()

    def next_runs(self) -> dict[str, datetime]:
        """Next time of each duty; empty where the schedule is stopped."""
        return self._cron.next_runs() if self._is_running else {}

    def overdue(self) -> datetime | None:
        """The time of what should have been done by now; None where nothing is late."""
        first = min(self.next_runs().values(), default=None)
        return first if first is not None and first <= self._clock.now() else None

    def _every(self, name: str, first_at: datetime) -> None:
        duty = self._duties[name]
        self._cron.every(name, duty.interval_s, first_at, duty.act)
