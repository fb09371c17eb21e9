"""Conditions: what is wrong for a while and is no finding of a file: a root that is lost, a goal that is missed, a full disk.

Opening and closing say the same as often as they like: only a change is news. Row and event are one transaction; when people
are told, the ledger decides (`domain.alerts` says of each kind how).
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from wan_healthd.domain.alert_ledger import Entry, NewAlert, condition_key
from wan_healthd.domain.alerts import AlertKind
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.paths import display, printable
from wan_healthd.domain.ports import Clock
from wan_healthd.services.alert import Alerter
from wan_healthd.services.feed import Feed
from wan_healthd.store import alerts, events, models
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database


class Condition(Struct, frozen=True):
    """What is wrong.

    Args:
        key: tells it apart among those of its kind ("" where there is only one).
        message: one readable line without the model's id; another message, or another severity, is news.
        model_id: whose it is.
        path: display path of the folder that it is about (None: the model's); what depends on it below is not told meanwhile.
        finding: goes into the record with its code, severity and cure.
    """

    kind: AlertKind
    key: str
    message: str
    model_id: str | None = None
    path: str | None = None
    finding: Finding | None = None


class Conditions:
    """Opens and closes conditions in transactions of their own."""

    def __init__(self, database: Database, clock: Clock, alerter: Alerter, feed: Feed) -> None:
        self._database = database
        self._clock = clock
        self._alerter = alerter
        self._feed = feed

    async def open(
        self,
        kind: AlertKind,
        key: str,
        message: str,
        *,
        model_id: str | None = None,
        path: str | None = None,
        finding: Finding | None = None,
        is_event: bool = False,
    ) -> bool:
        """See `Condition`; True if that is news. `is_event`: it happened once more, which is an event even if it is no news.

        Raises:
            StoreUnusable: the state refuses; nothing was told.
        """
        now = self._clock.now()
        condition = Condition(kind, key, message, model_id, path, finding)
        is_news = await self._database.write(lambda db: begin(db, condition, now, is_event=is_event))
        return await self._tell(is_news=is_news)

    async def close(self, kind: AlertKind, key: str, message: str) -> bool:
        """It is over; `message` says so in one readable line. True if it was open.

        Raises:
            StoreUnusable: the state refuses; it stays open.
        """
        now = self._clock.now()
        is_news = await self._database.write(lambda db: end(db, kind, key, message, now))
        return await self._tell(is_news=is_news)

    async def open_now(self, kind: AlertKind) -> tuple[Entry, ...]:
        """What is open of this kind, the oldest first."""
        return await self._database.read(lambda db: alerts.open_of(db, kind))

    async def _tell(self, *, is_news: bool) -> bool:
        if is_news:
            self._feed.stirred()
            await self._alerter.tell_due()
        return is_news


def begin(connection: Connection, condition: Condition, now: datetime, *, is_event: bool = False) -> bool:
    """Open it within a transaction; True if that is news, which then is an event too."""
    kind, message = condition.kind, printable(condition.message)
    alert = NewAlert(
        kind=kind,
        key=condition_key(kind, condition.key),
        message=message,
        closing=f"no longer: {message}",
        model_id=condition.model_id,
        path=condition.path or _place_of(connection, condition.model_id),
        finding=condition.finding,
    )
    is_news = alerts.put(connection, alert, now)
    if is_news or is_event:
        event = NewEvent(now, EventKind(kind.name), message, condition.model_id, condition.path, condition.finding)
        events.append(connection, [event])
    return is_news


def end(connection: Connection, kind: AlertKind, key: str, message: str, now: datetime) -> bool:
    """Close it within a transaction; True if it was open, which then is an event too."""
    closed = alerts.close(connection, condition_key(kind, key), now, printable(message))
    if closed is None:
        return False
    event = NewEvent(now, EventKind(kind.ends_as), printable(message), closed.model_id, closed.path)
    events.append(connection, [event])
    return True


def _place_of(connection: Connection, model_id: str | None) -> str | None:
    """Where the model lies: what is said of it waits while the root above is lost."""
    record = None if model_id is None else models.get(connection, model_id)
    return None if record is None else display(record.model.path)
