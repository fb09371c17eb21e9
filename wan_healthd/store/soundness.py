"""Whether a database can be relied on: its pages, its references, and its schema."""

from __future__ import annotations

import sqlite3

from wan_healthd.store.migrating import Schema, schema_of

HEAD_BYTES = 100
MAGIC = b"SQLite format 3\0"
VERSIONS = frozenset({1, 2})
"""What the format's write and read versions may be, bytes 18 and 19 (sqlite.org/fileformat2.html#the_database_header)."""


def head_fault(file: bytes) -> str | None:
    """What is wrong with the first bytes of the file; None if nothing is, or it has none.

    Raises:
        OSError: it cannot be read.
    """
    with open(file, "rb") as database:
        head = database.read(HEAD_BYTES)
    if not head:
        return None
    if not head.startswith(MAGIC) or len(head) < HEAD_BYTES:
        return "file is not a database"
    return None if VERSIONS.issuperset(head[18:20]) else "its head is not what was written"


def fault_of(connection: sqlite3.Connection, expected: Schema) -> str | None:
    """What is wrong with the database, in words; None if it is sound.

    Reads every page once: 0.1 s for 50 MB.

    Raises:
        sqlite3.Error: it is too damaged even to be looked at, or the system refuses.
    """
    if schema_of(connection) != expected:
        return "its tables are not those that this version makes"
    told = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    if told != "ok":
        return told.replace("\n", " ")
    if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
        return "rows are missing that others refer to"
    return None
