"""A look at a state that somebody works with, by a connection of its own, which holds up nobody."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from datetime import UTC, datetime
from urllib.parse import quote_from_bytes

from msgspec import Struct

from wan_healthd.store.good_copy import LOOK_EVERY
from wan_healthd.store.migrating import expected_schema, migrations
from wan_healthd.store.side_files import good_copy_of
from wan_healthd.store.soundness import fault_of
from wan_healthd.store.times import from_micros
from wan_healthd.store.trouble import trouble_of


class Examined(Struct, frozen=True):
    """What a state holds, as far as its health goes.

    Args:
        fault: what is wrong with it; None if it is sound.
        unwatched: roots below which models are known that are watched no more, each with how many.
    """

    fault: str | None
    newest_event_at: datetime | None = None
    good_copy_at: datetime | None = None
    unwatched: tuple[tuple[bytes, int], ...] = ()


class Examination:
    """One look; `cancel` ends it soon, from any thread.

    Args:
        file: the state's path, absolute.
    """

    def __init__(self, file: bytes) -> None:
        self._file = file
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """End it."""
        self._cancelled.set()

    def make(self) -> Examined:
        """Look at every page of it.

        Raises:
            OSError: it was cancelled, or the system refuses.
        """
        try:
            return self._look()
        except sqlite3.Error as error:
            trouble = trouble_of(error)
            if trouble is not None and not trouble.is_damage:
                raise OSError(trouble.cause) from error
            if self._cancelled.is_set():
                raise InterruptedError from error
            return Examined(str(error))
        except UnicodeDecodeError as error:  # SQLite's own words quote what is spoilt
            return Examined(str(error))

    def _look(self) -> Examined:
        address = f"file:{quote_from_bytes(self._file)}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
            connection.set_progress_handler(lambda: int(self._cancelled.is_set()), LOOK_EVERY)
            fault = fault_of(connection, expected_schema(migrations()[-1][0], migrations()))
            newest = connection.execute("SELECT max(at) FROM event").fetchone()[0]
            unwatched = connection.execute("SELECT root, count(*) FROM model WHERE NOT watched GROUP BY root ORDER BY root")
            left_behind = tuple((row[0], row[1]) for row in unwatched)
        return Examined(fault, None if newest is None else from_micros(newest), self._good_copy_at(), left_behind)

    def _good_copy_at(self) -> datetime | None:
        try:
            return datetime.fromtimestamp(os.stat(good_copy_of(self._file)).st_mtime, UTC)
        except OSError:
            return None
