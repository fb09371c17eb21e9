"""Announced generations: those that are open, and for as long as events are kept also those that ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from wan_healthd.domain.generations import LONGEST_S, Generation
from wan_healthd.store.connection import Connection
from wan_healthd.store.times import from_micros, optional_time, to_micros

MOST_KEPT = 200_000
"""Two thousand a day for as long as events are kept by default; 20 MB."""

_COLUMNS = "id, model_id, uid, pid, note, began_at, expected_at, expires_at, ended_at"
_IS_OPEN = "ended_at IS NULL AND expires_at > :now AND expires_at <= :latest"
"""As `domain.generations.is_open` has it."""


def begin(connection: Connection, generation: Generation) -> Generation:
    """Record one that begins; answers with its number. Beyond MOST_KEPT the oldest that is over goes."""
    expected = None if generation.expected_at is None else to_micros(generation.expected_at)
    cursor = connection.execute(
        "INSERT INTO generation (model_id, uid, pid, note, began_at, expected_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            generation.model_id,
            generation.uid,
            generation.pid,
            generation.note,
            to_micros(generation.began_at),
            expected,
            to_micros(generation.expires_at),
        ),
    )
    number = int(cursor.lastrowid or 0)
    connection.execute(
        "DELETE FROM generation WHERE id <= ? AND (ended_at IS NOT NULL OR expires_at <= ?)",
        (number - MOST_KEPT, to_micros(generation.began_at)),
    )
    return replace(generation, id=number)


def get(connection: Connection, number: int) -> Generation | None:
    """The one of that number; None where there is none, or it was forgotten."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM generation WHERE id = ?", (number,)).fetchone()
    return None if row is None else _generation(row)


def open_ones(connection: Connection, now: datetime, most: int) -> tuple[Generation, ...]:
    """Those that are open, at most `most`: those that last longest, and these first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM generation WHERE {_IS_OPEN} ORDER BY expires_at DESC, id DESC LIMIT :most",
        {**_at(now), "most": most},
    )
    return tuple(_generation(row) for row in rows)


def count_open(connection: Connection, now: datetime, uid: int) -> tuple[int, int]:
    """How many are open: of all, and of this user."""
    row = connection.execute(
        f"SELECT count(*), total(uid = :uid) FROM generation WHERE {_IS_OPEN}", {**_at(now), "uid": uid}
    ).fetchone()
    return int(row[0]), int(row[1])


def renew(connection: Connection, number: int, expires_at: datetime) -> None:
    """It expires then instead; one that ended stays as it is."""
    connection.execute(
        "UPDATE generation SET expires_at = ? WHERE id = ? AND ended_at IS NULL", (to_micros(expires_at), number)
    )


def end(connection: Connection, number: int, now: datetime) -> None:
    """It ended now; one that ended before stays as it is."""
    connection.execute("UPDATE generation SET ended_at = ? WHERE id = ? AND ended_at IS NULL", (to_micros(now), number))


def forget_old(connection: Connection, *, before: datetime) -> None:
    """Drop what expired before `before`: whatever ended has expired since, or will."""
    connection.execute("DELETE FROM generation WHERE expires_at < ?", (to_micros(before),))


def _at(now: datetime) -> dict[str, int]:
    return {"now": to_micros(now), "latest": to_micros(now + timedelta(seconds=LONGEST_S))}


def _generation(row: Sequence[Any]) -> Generation:
    number, model_id, uid, pid, note, began, expected, expires, ended = row
    return Generation(
        id=number,
        model_id=model_id,
        uid=uid,
        pid=pid,
        note=note,
        began_at=from_micros(began),
        expected_at=optional_time(expected),
        expires_at=from_micros(expires),
        ended_at=optional_time(ended),
    )
