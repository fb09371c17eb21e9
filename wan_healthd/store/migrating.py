"""The schema's versions, and what a database of each must look like."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Sequence
from importlib import resources

APPLICATION_ID = 0x57414E48  # "WANH": other people's databases are not ours to migrate

Script = tuple[int, str]
"""A migration: its number and its SQL."""

Schema = frozenset[tuple[bytes, bytes, bytes, bytes | None]]
"""Type, name, table and SQL of everything that a database declares."""


@functools.cache
def migrations() -> tuple[Script, ...]:
    """All migrations, ascending."""
    folder = resources.files("wan_healthd.store") / "migrations"
    scripts = [item for item in folder.iterdir() if item.name.endswith(".sql")]
    return tuple(sorted((int(item.name.split("_", 1)[0]), item.read_text("utf-8")) for item in scripts))


def migrate(connection: sqlite3.Connection, version: int, scripts: Sequence[Script]) -> None:
    """Each step in a transaction of its own, with the marks that say whose database this is and how far it came."""
    for number, script in scripts:
        if number > version:
            marks = f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {number};"
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\n{marks}\nCOMMIT;")


def schema_of(connection: sqlite3.Connection) -> Schema:
    """What the database declares, as bytes: of a damaged one it need not be text. SQLite's own statistics do not count."""
    columns = ", ".join(f"CAST({column} AS BLOB)" for column in ("type", "name", "tbl_name", "sql"))
    rows = connection.execute(f"SELECT {columns} FROM sqlite_master")
    return frozenset(row for row in rows if not row[1].startswith(b"sqlite_stat"))


def expected_schema(version: int, scripts: Sequence[Script]) -> Schema:
    """What a database of this version declares."""
    model = sqlite3.connect(":memory:", isolation_level=None)
    try:
        migrate(model, 0, [script for script in scripts if script[0] <= version])
        return schema_of(model)
    finally:
        model.close()
