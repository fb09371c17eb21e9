"""Which alerts of the ledger are due, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from wan_healthd.domain.alert_ledger import LONGEST_REMINDER_DAYS, Entry, Reminders, reminder_due
from wan_healthd.domain.alerting import PARENTS, Above, Due
from wan_healthd.domain.alerts import BY_NAME
from wan_healthd.store import alerts
from wan_healthd.store.connection import Connection
from wan_healthd.store.times import from_micros, to_micros

MOST_DUE = 50_000
"""Entries that are decided at a time: bounds the memory that a storm takes."""

HORIZON = timedelta(days=LONGEST_REMINDER_DAYS + 1)
"""Nothing is due later than this, unless the clock was turned back: then it is due now."""

HELD, FOLDED = "held", "folded"

_DUE = (
    "SELECT id FROM alert WHERE due_at <= ?1 AND waits IS NULL"
    " UNION ALL SELECT id FROM alert WHERE due_at > ?2 AND waits IS NULL"
    " UNION ALL SELECT id FROM alert WHERE opened_at > ?1 AND told_at IS NULL AND waits IS NULL AND due_at > ?1"
)
_HELD = f" UNION ALL SELECT id FROM alert WHERE waits = '{HELD}'"


class Told(Struct, frozen=True):
    """An entry that was told; `message` None: in a summary, so that its own words were not.

    `times_told` is as it was before, so that what is recorded twice counts once.
    """

    id: int
    as_ended: bool
    times_told: int = 0
    message: str | None = None


def due(connection: Connection, now: datetime, *, with_held: bool, most: int = MOST_DUE) -> tuple[Due, ...]:
    """What is due, the oldest first; `with_held` has what waits for the end of a storm among it."""
    rows = connection.execute(
        "SELECT id, kind, model_id, path, cleared_at IS NOT NULL, times_told FROM alert WHERE id IN ("
        f"{_DUE}{_HELD if with_held else ''})"
        " AND (model_id IS NULL OR model_id IN (SELECT id FROM model WHERE watched) OR cleared_at IS NOT NULL)"
        " ORDER BY id LIMIT ?3",
        (to_micros(now), to_micros(now + HORIZON), most),
    )
    return tuple(
        Due(number, kind, model_id, path, bool(is_cleared), times_told)
        for number, kind, model_id, path, is_cleared, times_told in rows
        if kind in BY_NAME
    )


def is_due(connection: Connection, now: datetime) -> bool:
    """Whether there is anything to tell at once."""
    row = connection.execute("SELECT EXISTS (SELECT 1 FROM alert WHERE due_at <= ? AND waits IS NULL)", (to_micros(now),))
    return bool(row.fetchone()[0])


def next_due(connection: Connection, now: datetime) -> datetime | None:
    """When, after `now`, something will have to be told if nothing happens until then."""
    query = "SELECT min(due_at) FROM alert WHERE due_at > ? AND due_at IS NOT NULL AND waits IS NULL"
    row = connection.execute(query, (to_micros(now),)).fetchone()
    return None if row[0] is None else from_micros(row[0])


def above(connection: Connection, dues: Iterable[Due]) -> tuple[Above, ...]:
    """What is open that may explain these: conditions, and what is open of the same models."""
    marks = ", ".join("?" for _ in PARENTS)
    found = set(
        connection.execute(
            "SELECT kind, model_id, path FROM alert"
            f" WHERE cleared_at IS NULL AND kind IN ({marks}) AND model_id IS NULL AND NOT is_finding",
            PARENTS,
        )
    )
    for model_id in {due.model_id for due in dues if due.model_id is not None}:
        query = (
            f"SELECT DISTINCT kind, model_id, NULL FROM alert WHERE cleared_at IS NULL AND kind IN ({marks}) AND model_id = ?"
        )
        found.update(connection.execute(query, (*PARENTS, model_id)))
    return tuple(Above(*row) for row in found)


def entries(connection: Connection, numbers: Iterable[int]) -> tuple[Entry, ...]:
    """These entries, as far as they are there."""
    found = (alerts.get(connection, number) for number in numbers)
    return tuple(entry for entry in found if entry is not None)


def wait(connection: Connection, numbers: Iterable[int], reason: str) -> None:
    """These wait, HELD or FOLDED; not those that ended meanwhile and are to be told so."""
    connection.executemany("UPDATE alert SET waits = ? WHERE id = ? AND due_at IS NOT NULL", [(reason, n) for n in numbers])


def told(connection: Connection, told: Iterable[Told], reminders: Reminders, now: datetime) -> None:
    """These were told; when they are next is decided.

    What ended, or says something else, since we looked is due at once.
    """
    for item in told:
        row = connection.execute(
            "SELECT kind, message, times_told + 1, acked_at, cleared_at FROM alert WHERE id = ? AND times_told = ?",
            (item.id, item.times_told),
        ).fetchone()
        if row is None:
            continue
        kind, message, times_told, acked_at, cleared_at = row
        due_at: datetime | None = None
        if cleared_at is not None:
            due_at = None if item.as_ended else now
        elif item.message not in (None, message):
            due_at, times_told = now, 0
        elif acked_at is None:
            due_at = reminder_due(BY_NAME[kind], times_told, reminders, now)
        connection.execute(
            "UPDATE alert SET told_at = ?, times_told = ?, waits = NULL, due_at = ? WHERE id = ?",
            (to_micros(now), times_told, None if due_at is None else to_micros(due_at), item.id),
        )
