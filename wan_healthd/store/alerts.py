"""The ledger of alerts: rows are written in the transaction of what they tell, and told once that is committed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from wan_healthd.domain.alert_ledger import Entry, NewAlert, bounded, first_due, is_worse
from wan_healthd.domain.alerting import dependents_of
from wan_healthd.domain.alerts import BY_NAME, AlertKind
from wan_healthd.domain.findings import Finding
from wan_healthd.store.connection import Connection
from wan_healthd.store.times import from_micros, optional_time, to_micros

COLUMNS = (
    "id, kind, message, closing, model_id, path, finding, opened_at, due_at, told_at, times_told, acked_at, acked_by,"
    " cleared_at, waits"
)
DAY_MICROS = 86_400 * 1_000_000


def put(connection: Connection, alert: NewAlert, now: datetime) -> bool:
    """It is open from now on, or says something else than before; True if either is news.

    What somebody acknowledged is told again only if it got worse.
    """
    row = connection.execute(
        "SELECT id, kind, message, finding, times_told, acked_at FROM alert WHERE key = ? AND cleared_at IS NULL", (alert.key,)
    ).fetchone()
    if row is None:
        _insert(connection, alert, now)
        return True
    number, kind, message, finding, times_told, acked_at = row
    before, after = _finding(finding), alert.finding
    is_as_grave = kind == alert.kind.name and _severity(before) == _severity(after)
    if is_as_grave and message == alert.message:
        return False
    worse = is_worse(BY_NAME.get(kind, alert.kind), before, alert.kind, after)
    connection.execute(
        "UPDATE alert SET kind = ?, message = ?, closing = ?, finding = ?, path = ? WHERE id = ?",
        (alert.kind.name, alert.message, alert.closing, _encode(after), alert.path, number),
    )
    if is_as_grave and not alert.words_are_news:
        return False
    if worse:
        connection.execute("UPDATE alert SET acked_at = NULL, acked_by = NULL WHERE id = ?", (number,))
    if times_told and (worse or acked_at is None):
        connection.execute("UPDATE alert SET due_at = ?, times_told = 0, waits = NULL WHERE id = ?", (to_micros(now), number))
    return True


def close(connection: Connection, key: str, now: datetime, closing: str | None = None) -> Entry | None:
    """It ended; returns it as it was, None if it was not open. That is told only if people know that it was open."""
    row = connection.execute(f"SELECT {COLUMNS} FROM alert WHERE key = ? AND cleared_at IS NULL", (key,)).fetchone()
    if row is None:
        return None
    entry = entry_of(row)
    due_at = None if entry.told_at is None else to_micros(now)
    connection.execute(
        "UPDATE alert SET cleared_at = ?, due_at = ?, waits = NULL, closing = ? WHERE id = ?",
        (to_micros(now), due_at, closing or entry.closing, entry.id),
    )
    _release(connection, entry.kind, entry.model_id, now)
    return entry


def reconcile(connection: Connection, model_id: str, alerts: Sequence[NewAlert], now: datetime) -> None:
    """These are all that the model's findings tell people now; what else was open of them ended."""
    wanted = {alert.key: alert for alert in alerts}
    rows = connection.execute(
        "SELECT key FROM alert WHERE model_id = ? AND is_finding AND cleared_at IS NULL", (model_id,)
    ).fetchall()
    for (key,) in rows:
        if key not in wanted:
            close(connection, key, now)
    for alert in wanted.values():
        put(connection, alert, now)


def forget_models(connection: Connection, model_ids: Iterable[str], now: datetime) -> None:
    """These models are no more: all that is open of them ended."""
    for model_id in model_ids:
        rows = connection.execute("SELECT key FROM alert WHERE model_id = ? AND cleared_at IS NULL", (model_id,)).fetchall()
        for (key,) in rows:
            close(connection, key, now)


def open_of(connection: Connection, kind: AlertKind) -> tuple[Entry, ...]:
    """What is open of one kind, the oldest first."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM alert WHERE kind = ? AND cleared_at IS NULL ORDER BY id", (kind.name,))
    return tuple(entry_of(row) for row in rows)


def get(connection: Connection, number: int) -> Entry | None:
    """One entry."""
    row = connection.execute(f"SELECT {COLUMNS} FROM alert WHERE id = ?", (number,)).fetchone()
    return None if row is None else entry_of(row)


def listed(connection: Connection, most: int) -> tuple[Entry, ...]:
    """What is open, the gravest kinds first and then the oldest, then what ended last; at most `most` of each."""
    watched = "(model_id IS NULL OR model_id IN (SELECT id FROM model WHERE watched))"
    still = connection.execute(
        f"SELECT {COLUMNS} FROM alert WHERE cleared_at IS NULL AND {watched} ORDER BY id LIMIT ?", (most,)
    )
    ended = connection.execute(
        f"SELECT {COLUMNS} FROM alert WHERE cleared_at IS NOT NULL AND told_at IS NOT NULL ORDER BY cleared_at DESC LIMIT ?",
        (most,),
    )
    entries = sorted((entry_of(row) for row in still.fetchall()), key=lambda entry: (_priority(entry.kind), entry.id))
    return (*entries, *(entry_of(row) for row in ended))


def counts(connection: Connection) -> tuple[int, int]:
    """How many are open, and how many of these are acknowledged; unfolded ones of what is watched."""
    row = connection.execute(
        "SELECT count(*), total(acked_at IS NOT NULL) FROM alert WHERE cleared_at IS NULL AND waits IS NOT 'folded'"
        " AND (model_id IS NULL OR model_id IN (SELECT id FROM model WHERE watched))"
    ).fetchone()
    return int(row[0]), int(row[1])


def acknowledge(connection: Connection, number: int, uid: int, now: datetime) -> bool:
    """Somebody knows of it: no reminders. False if it is not open, or somebody knew before."""
    changed = connection.execute(
        "UPDATE alert SET acked_at = ?, acked_by = ?, due_at = NULL, waits = NULL"
        " WHERE id = ? AND cleared_at IS NULL AND acked_at IS NULL",
        (to_micros(now), uid, number),
    )
    return changed.rowcount > 0


def changed_since(connection: Connection, since: datetime) -> bool:
    """Whether anything opened or ended at `since` or later."""
    row = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM alert WHERE cleared_at IS NULL AND opened_at >= ?1)"
        " OR EXISTS (SELECT 1 FROM alert WHERE cleared_at >= ?1)",
        (to_micros(since),),
    ).fetchone()
    return bool(row[0])


def forget_cleared(connection: Connection, *, before: datetime, most: int) -> None:
    """Drop what ended before `before`, and beyond the `most` that ended last; never what is still to be told."""
    connection.execute(
        "DELETE FROM alert WHERE cleared_at IS NOT NULL AND due_at IS NULL AND (cleared_at < ? OR id NOT IN"
        " (SELECT id FROM alert WHERE cleared_at IS NOT NULL ORDER BY cleared_at DESC LIMIT ?))",
        (to_micros(before), most),
    )


def _insert(connection: Connection, alert: NewAlert, now: datetime) -> None:
    connection.execute(
        "INSERT INTO alert (kind, key, is_finding, model_id, path, message, closing, finding, opened_at, due_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            alert.kind.name,
            alert.key,
            int(alert.is_finding),
            alert.model_id,
            alert.path,
            alert.message,
            alert.closing,
            _encode(alert.finding),
            to_micros(now),
            to_micros(first_due(alert.kind, now)),
        ),
    )


def _release(connection: Connection, kind: str, model_id: str | None, now: datetime) -> None:
    """What waited for the end of an alert of this kind is due again; of reminders the next one is."""
    waiting = dependents_of(kind)
    if not waiting:
        return
    marks = ", ".join("?" for _ in waiting)
    connection.execute(
        "UPDATE alert SET waits = NULL, due_at = CASE WHEN times_told THEN ? ELSE ? END"
        f" WHERE waits = 'folded' AND cleared_at IS NULL AND kind IN ({marks}) AND (? IS NULL OR model_id = ?)",
        (to_micros(now) + DAY_MICROS, to_micros(now), *waiting, model_id, model_id),
    )


def entry_of(row: Sequence[Any]) -> Entry:
    """The entry of a row of COLUMNS."""
    number, kind, message, closing, model_id, path, finding, opened, due, told, times, acked, by, cleared, waits = row
    return Entry(
        id=number,
        kind=kind,
        message=message,
        closing=closing,
        model_id=model_id,
        path=path,
        finding=_finding(finding),
        opened_at=from_micros(opened),
        due_at=optional_time(due),
        told_at=optional_time(told),
        times_told=times,
        acked_at=optional_time(acked),
        acked_by=by,
        cleared_at=optional_time(cleared),
        is_folded=waits == "folded",
    )


def _finding(body: bytes | None) -> Finding | None:
    return None if body is None else msgspec.json.decode(body, type=Finding)


def _encode(finding: Finding | None) -> bytes | None:
    return None if finding is None else msgspec.json.encode(bounded(finding))


def _severity(finding: Finding | None) -> str | None:
    return None if finding is None else finding.severity.value


def _priority(kind: str) -> int:
    known = BY_NAME.get(kind)
    return 7 if known is None else known.alert_class.priority
