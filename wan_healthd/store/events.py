"""The stream of events: appended in the same transaction as what they tell, numbered for ever."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from wan_healthd.domain.events import Event, NewEvent
from wan_healthd.store.connection import Connection
from wan_healthd.store.times import to_micros


def append(connection: Connection, events: Iterable[NewEvent]) -> None:
    """Store the events in order."""
    connection.executemany(
        "INSERT INTO event (at, body) VALUES (?, ?)", [(to_micros(event.at), msgspec.json.encode(event)) for event in events]
    )


def since(connection: Connection, stream: str, number: int, limit: int) -> tuple[Event, ...]:
    """Events after number `number`, ascending, at most `limit`."""
    rows = connection.execute("SELECT seq, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?", (number, limit))
    return tuple(_event(stream, seq, body) for seq, body in rows)


def number_before(connection: Connection, at: datetime) -> int:
    """The number after which the events of `at` and later begin."""
    row = connection.execute("SELECT min(seq) FROM event WHERE at >= ?", (to_micros(at),)).fetchone()
    return last_number(connection) if row[0] is None else int(row[0]) - 1


def first_number(connection: Connection) -> int:
    """The number of the oldest event that is kept; 0 where none is. Older ones were rolled up (`store.retention`)."""
    return int(connection.execute("SELECT coalesce(min(seq), 0) FROM event").fetchone()[0])


def last_number(connection: Connection) -> int:
    """The newest event's number; 0 before the first."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
    return 0 if row is None else int(row[0])


def _event(stream: str, seq: int, body: bytes) -> Event:
    return Event(stream=stream, seq=seq, **msgspec.structs.asdict(msgspec.json.decode(body, type=NewEvent)))
