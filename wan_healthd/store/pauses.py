"""Whether sweeps are paused, kept over restarts."""

from __future__ import annotations

import msgspec

from wan_healthd.domain.pauses import Pause
from wan_healthd.store.connection import Connection

_KEY = "paused"


def get(connection: Connection) -> Pause | None:
    """The pause in force; None where sweeps may run."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Pause)


def put(connection: Connection, pause: Pause) -> None:
    """Sweeps are paused from now on."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_KEY, msgspec.json.encode(pause).decode()))


def end(connection: Connection) -> bool:
    """Sweeps may run again; False if they could already."""
    return connection.execute("DELETE FROM meta WHERE key = ?", (_KEY,)).rowcount > 0
