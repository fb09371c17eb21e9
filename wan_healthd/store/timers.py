"""When scheduled work ran last, so that a restart neither repeats nor forgets it."""

from __future__ import annotations

from datetime import datetime

from wan_healthd.store.connection import Connection
from wan_healthd.store.times import from_micros, to_micros


def last_runs(connection: Connection) -> dict[str, datetime]:
    """Last run of each timer that ever ran."""
    return {name: from_micros(at) for name, at in connection.execute("SELECT name, last_run FROM timer WHERE last_run")}


def begin(connection: Connection, name: str, now: datetime) -> datetime:
    """When the timer's work under way began: `now`, unless it was interrupted and goes on."""
    connection.execute(
        "INSERT INTO timer (name, known_since, begun_at) VALUES (?1, ?2, ?2)"
        " ON CONFLICT (name) DO UPDATE SET begun_at = coalesce(begun_at, excluded.begun_at)",
        (name, to_micros(now)),
    )
    return from_micros(connection.execute("SELECT begun_at FROM timer WHERE name = ?", (name,)).fetchone()[0])


def begin_anew(connection: Connection, name: str, now: datetime) -> None:
    """The timer's work begins now, from its beginning, whatever was under way: the next start goes on with it."""
    begin(connection, name, now)
    connection.execute("UPDATE timer SET begun_at = ? WHERE name = ?", (to_micros(now), name))


def is_under_way(connection: Connection, name: str) -> bool:
    """Whether the timer's work began and did not end: the daemon was stopped meanwhile."""
    return connection.execute("SELECT 1 FROM timer WHERE name = ? AND begun_at", (name,)).fetchone() is not None


def ran(connection: Connection, name: str, at: datetime) -> None:
    """The timer's work that began at `at` is done."""
    connection.execute(
        "INSERT INTO timer (name, known_since, last_run) VALUES (?1, ?2, ?2)"
        " ON CONFLICT (name) DO UPDATE SET last_run = excluded.last_run, begun_at = NULL",
        (name, to_micros(at)),
    )


def waiting_since(connection: Connection, name: str, now: datetime) -> datetime:
    """When the timer's work ran last, or, if it never did, when it was first scheduled: `now`, unless that was before."""
    connection.execute("INSERT OR IGNORE INTO timer (name, known_since) VALUES (?, ?)", (name, to_micros(now)))
    row = connection.execute("SELECT coalesce(last_run, known_since) FROM timer WHERE name = ?", (name,)).fetchone()
    return from_micros(row[0])
