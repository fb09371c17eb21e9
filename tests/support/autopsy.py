"""The state as a crash left it, looked at in a copy, so that nobody mends it by looking."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.support.damage import BLOCK_BYTES


class Remains:
    """A dead daemon's state; the questions are asked in SQL, without a word of the product's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def assert_sound(self) -> None:
        """It passes SQLite's own checks."""
        assert self._connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        assert self._connection.execute("PRAGMA foreign_key_check").fetchall() == []

    @property
    def round_began(self) -> int | None:
        """Since when a full sweep is under way, in microseconds; None if none is."""
        row = self._connection.execute("SELECT begun_at FROM timer WHERE name = 'full-sweep'").fetchone()
        return None if row is None else row[0]

    def bytes_left(self, files: Iterable[Path]) -> int:
        """What is still to be read of these: files that nobody read whole, and blocks that the full sweep has yet to verify."""
        return sum(self._left_of(file.stat()) for file in files)

    def told(self) -> list[str]:
        """What is said of the alerts that are open and of which the ledger says that people were told."""
        rows = self._connection.execute("SELECT message FROM alert WHERE times_told > 0 AND cleared_at IS NULL")
        return [message for (message,) in rows]

    def _left_of(self, facts: os.stat_result) -> int:
        row = self._connection.execute(
            "SELECT id FROM content WHERE inode = ? AND size_bytes = ? AND mtime_ns = ? AND ctime_ns = ?"
            " AND sha256 IS NOT NULL AND NOT retired",
            (facts.st_ino, facts.st_size, str(facts.st_mtime_ns), str(facts.st_ctime_ns)),
        ).fetchone()
        if row is None:
            return facts.st_size
        if self.round_began is None:
            return 0
        (blocks,) = self._connection.execute(
            "SELECT total(end_block - first_block) FROM extent WHERE content_id = ? AND verified_at < ?",
            (row[0], self.round_began),
        ).fetchone()
        return int(blocks) * BLOCK_BYTES


@contextmanager
def autopsy(database: Path, scratch: Path) -> Iterator[Remains]:
    """Open a copy of the state; `scratch` is a folder that does not exist yet."""
    scratch.mkdir()
    try:
        for suffix in ("", "-wal"):
            part = database.with_name(database.name + suffix)
            if part.exists():
                shutil.copyfile(part, scratch / part.name)
        with closing(sqlite3.connect(scratch / database.name)) as connection:
            yield Remains(connection)
    finally:
        shutil.rmtree(scratch)
