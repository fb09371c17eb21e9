"""The ledger of alerts for people who ask: what is open, and that somebody knows of it."""

from __future__ import annotations

from msgspec import UNSET

from wan_healthd.domain.alert_ledger import Entry
from wan_healthd.domain.alerts import ALERT_KINDS, BY_NAME, AlertClass, AlertKind
from wan_healthd.domain.errors import AlertNotFound, InvalidRequest
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.paths import printable
from wan_healthd.domain.ports import Clock
from wan_healthd.services.feed import Feed
from wan_healthd.store import alerts, events
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.wire.answers import AlertRow

LIST_THEM = "list them with `healthctl alert`"


class Ledger:
    """Shows entries, and records who knows of them."""

    def __init__(self, database: Database, clock: Clock, feed: Feed) -> None:
        self._database = database
        self._clock = clock
        self._feed = feed

    async def rows(self, most: int) -> tuple[AlertRow, ...]:
        """What is open, the gravest first, then what ended last; at most `most` of each."""
        entries = await self._database.read(lambda db: alerts.listed(db, most))
        return tuple(_row(entry) for entry in entries)

    async def acknowledge(self, number: int, uid: int) -> AlertRow:
        """Somebody knows of it: no more reminders until it gets worse, or ends and returns. Twice is as good as once.

        Raises:
            AlertNotFound: no alert of that number is open.
        """
        now = self._clock.now()

        def record(connection: Connection) -> Entry | None:
            is_news = alerts.acknowledge(connection, number, uid, now)
            entry = alerts.get(connection, number)
            if is_news and entry is not None:
                told = f"uid {uid} knows of alert {number}: {entry.message}"
                event = NewEvent(now, EventKind.ALERT_ACKNOWLEDGED, told, entry.model_id, entry.path)
                events.append(connection, [event])
            return entry

        entry = await self._database.write(record)
        if entry is None or entry.cleared_at is not None:
            state = "there is none of that number" if entry is None else "it ended already"
            raise AlertNotFound(f"cannot acknowledge alert {number}: {state}", LIST_THEM)
        self._feed.stirred()
        return _row(entry)


def kinds_to_test(name: str | None) -> tuple[AlertKind, ...]:
    """The kind of that name, or the first of each class.

    Raises:
        InvalidRequest: there is no such kind.
    """
    if name is None:
        return tuple(next(kind for kind in ALERT_KINDS if kind.alert_class is each) for each in AlertClass)
    kind = BY_NAME.get(name)
    if kind is None:
        raise InvalidRequest(
            f"cannot test {printable(name)}: there is no such kind of alert", f"kinds are {', '.join(BY_NAME)}"
        )
    return (kind,)


def _row(entry: Entry) -> AlertRow:
    kind, finding = BY_NAME.get(entry.kind), entry.finding
    return AlertRow(
        id=entry.id,
        kind=entry.kind,
        alert_class=AlertClass.WARNING if kind is None else kind.alert_class,
        message=entry.message,
        model_id=entry.model_id,
        path=entry.path,
        path_b64=UNSET if finding is None else finding.path_b64,
        code=None if finding is None else finding.code,
        severity=None if finding is None else finding.severity,
        suggestion=None if finding is None else finding.suggestion,
        opened_at=entry.opened_at,
        told_at=entry.told_at,
        times_told=entry.times_told,
        next_reminder_at=entry.due_at if entry.told_at is not None and entry.cleared_at is None else None,
        acked_at=entry.acked_at,
        acked_by=entry.acked_by,
        cleared_at=entry.cleared_at,
        folded=entry.is_folded,
    )
