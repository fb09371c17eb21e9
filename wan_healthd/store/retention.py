"""Retention: old events become counts, and what nobody refers to any more goes, so that years stay small."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import msgspec
from msgspec import Struct

from wan_healthd.store.connection import Connection
from wan_healthd.store.times import to_micros

DAY_MICROS = 86_400 * 1_000_000
ROLL_UP_DAYS = 3650
"""Counts are kept for ten years."""


class _Gist(Struct, frozen=True):
    """What of an event is counted."""

    kind: str
    model_id: str | None = None


def roll_up_events(connection: Connection, *, keep_since: datetime, most: int, batch: int) -> int:
    """Turn at most `batch` events from before `keep_since`, or beyond the newest `most`, into counts by day, kind and model.

    The newest event always stays, and no number is ever used again. Returns how many events went.
    """
    newest = connection.execute("SELECT max(seq) FROM event").fetchone()[0]
    if newest is None:
        return 0
    rows = connection.execute(
        "SELECT seq, at, body FROM event WHERE seq < ?1 AND (at < ?2 OR seq <= ?3) ORDER BY seq LIMIT ?4",
        (newest, to_micros(keep_since), newest - most, batch),
    ).fetchall()
    counts = Counter(_key(at, body) for _, at, body in rows)
    connection.executemany(
        "INSERT INTO event_rollup (day, kind, model_id, events) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (day, kind, model_id) DO UPDATE SET events = events + excluded.events",
        [(*key, count) for key, count in counts.items()],
    )
    connection.executemany("DELETE FROM event WHERE seq = ?", [(seq,) for seq, _, _ in rows])
    return len(rows)


def rolled_up(connection: Connection) -> dict[tuple[int, str, str], int]:
    """How many events of each (day since 1970, kind, model or "") were rolled up."""
    rows = connection.execute("SELECT day, kind, model_id, events FROM event_rollup")
    return {(day, kind, model_id): count for day, kind, model_id, count in rows}


def forget_old(connection: Connection, *, now: datetime, samples_since: datetime) -> None:
    """Drop performance samples from before `samples_since`, also of models that are gone, and counts of ten years ago."""
    connection.execute("DELETE FROM performance_sample WHERE at < ?", (to_micros(samples_since),))
    connection.execute("DELETE FROM event_rollup WHERE day < ?", (to_micros(now) // DAY_MICROS - ROLL_UP_DAYS,))


def _key(at: int, body: bytes) -> tuple[int, str, str]:
    try:
        gist = msgspec.json.decode(body, type=_Gist)
    except msgspec.MsgspecError:
        gist = _Gist("unknown")
    return at // DAY_MICROS, gist.kind, gist.model_id or ""
