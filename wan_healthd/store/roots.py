"""Roots that cannot be looked at."""

from __future__ import annotations

from datetime import datetime

from wan_healthd.store.connection import Connection
from wan_healthd.store.times import to_micros


def lose(connection: Connection, root: bytes, errno_name: str, now: datetime) -> bool:
    """The root cannot be looked at; True if that is news."""
    known = connection.execute("SELECT 1 FROM lost_root WHERE root = ?", (root,)).fetchone()
    connection.execute(
        "INSERT INTO lost_root VALUES (?, ?, ?) ON CONFLICT (root) DO UPDATE SET errno_name = excluded.errno_name",
        (root, to_micros(now), errno_name),
    )
    return known is None


def regain(connection: Connection, root: bytes) -> bool:
    """The root can be looked at; True if that is news."""
    return connection.execute("DELETE FROM lost_root WHERE root = ?", (root,)).rowcount > 0


def lost(connection: Connection) -> dict[bytes, str]:
    """Lost roots with the system's error."""
    return dict(connection.execute("SELECT root, errno_name FROM lost_root").fetchall())
