"""Telling people: what is due in the ledger goes to every sink once it is committed, and that it was told is recorded.

At least once: what was not told when the process died is told after the restart; what was told in the instant before, and not
recorded any more, is told twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from wan_healthd.domain.alert_ledger import Entry, alert_of
from wan_healthd.domain.alerting import Decision, Due, Tally, decide, is_over, summary_alert
from wan_healthd.domain.alerts import Alert, AlertKind
from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.ports import AlertSink, Clock
from wan_healthd.domain.settings import AlertSettings
from wan_healthd.services.feed import Feed
from wan_healthd.store import telling
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.telling import FOLDED, HELD, Told

LONGEST_WAIT_S = 60.0
"""The time of day by which alerts are due may jump."""

RETRY_S = 1.0
"""Where the ledger cannot be read or written, and while a storm is counted."""

BETWEEN_LOOKS_S = 0.05
"""In a storm the ledger is looked at this often at most, beside what who writes into it asks for."""

TEST_MARK = "TEST, nothing happened: "


class _Look(Struct, frozen=True):
    decision: Decision
    entries: tuple[Entry, ...]
    summed_up: dict[int, Due]
    is_cut: bool
    """Whether there is more than was looked at."""
    next_due: datetime | None

    def __bool__(self) -> bool:
        decision = self.decision
        return bool(decision.tell or decision.summaries or decision.held or decision.folded)


class Alerter:
    """Hands alerts to every sink.

    Args:
        feed: wakes us when there may be news.
        most_due: see `telling.MOST_DUE`.
    """

    def __init__(
        self,
        sinks: Sequence[AlertSink],
        database: Database,
        clock: Clock,
        feed: Feed,
        settings: AlertSettings,
        *,
        most_due: int = telling.MOST_DUE,
    ) -> None:
        self._most_due = most_due
        self._sinks = tuple(sinks)
        self._database = database
        self._clock = clock
        self._feed = feed
        self._settings = settings
        self._tally: Tally = {}
        self._unrecorded: list[Told] = []
        self._telling = asyncio.Lock()
        self._looks_at_all = True
        self._next_look_s = 0.0

    def tell(self, kind: AlertKind, message: str, *, model_id: str | None = None, finding: Finding | None = None) -> None:
        """Hand one alert to every sink, past the ledger: for what is over as it happens, or when there is no ledger."""
        self._emit(Alert(kind, message, model_id=model_id, finding=finding))

    def test(self, kinds: Iterable[AlertKind]) -> None:
        """Hand a test of each kind to every sink, marked as such."""
        for kind in kinds:
            message = f"{TEST_MARK}this is how wan-healthd tells of {kind.name} ({kind.alert_class})"
            self._emit(Alert(kind, message, is_test=True))

    async def run(self) -> None:
        """Tell what becomes due, until cancelled."""
        while True:
            seen, self._next_look_s = self._feed.stirs, RETRY_S
            await self.tell_due()
            await self._feed.next_news(self._next_look_s, since=seen)
            await asyncio.sleep(BETWEEN_LOOKS_S)

    async def tell_due(self) -> None:
        """Tell everything that is due now.

        Where the ledger cannot be read, that is for `run` to do later; where it cannot be written, what was told is remembered.
        """
        if self._sinks:
            with contextlib.suppress(StoreUnusable):  # who watches over the state tells of that
                await self._tell_due()

    async def _tell_due(self) -> None:
        async with self._telling:
            if self._unrecorded:
                await self._record(None, self._clock.now())
            now, now_s = self._clock.now(), self._clock.monotonic()
            look = await self._database.read(lambda db: self._look(db, now, now_s))
            self._tally, self._looks_at_all = look.decision.tally, look.is_cut
            if look:
                self._unrecorded.extend(self._tell(look))  # nothing is awaited before it is on its way to the store, too
                await self._record(look.decision, now)
            elif not look.is_cut and not any(window.held for window in self._tally.values()):
                due_in_s = LONGEST_WAIT_S if look.next_due is None else (look.next_due - now).total_seconds()
                self._next_look_s = min(LONGEST_WAIT_S, due_in_s)

    def _look(self, connection: Connection, now: datetime, now_s: float) -> _Look:
        """What is due, and what becomes of it. Runs in the store's thread: in a storm there is much to look at."""
        with_held = self._looks_at_all or _has_held_enough(self._tally, now_s)
        dues = telling.due(connection, now, with_held=with_held, most=self._most_due)
        above = telling.above(connection, dues) if dues else ()
        decision = decide(dues, above, self._tally, most_per_minute=self._settings.most_per_minute, now_s=now_s)
        in_summary = {number for summary in decision.summaries for number in summary.ids}
        summed_up = {due.id: due for due in dues if due.id in in_summary}
        entries, is_cut = telling.entries(connection, decision.tell), len(dues) >= self._most_due
        return _Look(decision, entries, summed_up, is_cut, telling.next_due(connection, now))

    def _tell(self, look: _Look) -> list[Told]:
        told = []
        for entry in look.entries:
            alert = alert_of(entry)
            if alert is not None:
                self._emit(alert)
            told.append(Told(entry.id, entry.cleared_at is not None, entry.times_told, entry.message))
        for summary in look.decision.summaries:
            self._emit(summary_alert(summary))
        told.extend(Told(due.id, due.is_cleared, due.times_told) for due in look.summed_up.values())
        return told

    async def _record(self, decision: Decision | None, now: datetime) -> None:
        told, reminders = tuple(self._unrecorded), self._settings.reminders

        def record(connection: Connection) -> None:
            telling.told(connection, told, reminders, now)
            if decision is not None:
                telling.wait(connection, decision.held, HELD)
                telling.wait(connection, decision.folded, FOLDED)

        await self._database.write(record)
        self._unrecorded.clear()

    def _emit(self, alert: Alert) -> None:
        for sink in self._sinks:
            sink.emit(alert)


def _has_held_enough(tally: Tally, now_s: float) -> bool:
    """Whether a minute in which something was held is over."""
    return any(window.held and is_over(window, now_s) for window in tally.values())
