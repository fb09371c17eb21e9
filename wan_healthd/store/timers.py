"""When scheduled work ran last, so that a restart neither repeats nor forgets it; and which roots are lost."""

from __future__ import annotations

from datetime import datetime

from wan_healthd.store.connection import Connection
from wan_healthd.store.times import from_micros, to_micros


def last_runs(connection: Connection) -> dict[str, datetime]:
    """Last run of each timer that ever ran."""
    return {name: from_micros(at) for name, at in connection.execute("SELECT name, last_run FROM timer")}


def ran(connection: Connection, name: str, at: datetime) -> None:
    """The timer's work was done at `at`."""
    connection.execute("INSERT OR REPLACE INTO timer VALUES (?, ?)", (name, to_micros(at)))
