"""Opening the database: settings, migrations, and errors that people understand."""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
from importlib import resources

from wan_healthd.domain.errors import StateInUse, StoreUnusable
from wan_healthd.domain.paths import display

APPLICATION_ID = 0x57414E48  # "WANH": other people's databases are not ours to migrate
BUSY_TIMEOUT_S = 5.0

Connection = sqlite3.Connection
"""What the functions of this room take; other rooms name it without a second door to SQLite."""


def migrations() -> list[tuple[int, str]]:
    """All migrations as (number, SQL), ascending."""
    folder = resources.files("wan_healthd.store") / "migrations"
    scripts = [item for item in folder.iterdir() if item.name.endswith(".sql")]
    return sorted((int(item.name.split("_", 1)[0]), item.read_text("utf-8")) for item in scripts)


def open_writer(file: bytes | None) -> sqlite3.Connection:
    """The one writing connection, migrated to the newest schema; `file` None keeps everything in memory.

    Raises:
        StoreUnusable: damaged, foreign, newer than this version, or the file system refuses.
    """
    name = ":memory:" if file is None else os.fsdecode(file)
    connection: sqlite3.Connection | None = None
    try:
        if file is not None:
            _make_private(file)
        connection = sqlite3.connect(name, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        version = _known_version(connection, name)
        _configure(connection)
        _migrate(connection, version)
    except (sqlite3.Error, OSError) as error:
        if connection is not None:
            connection.close()
        raise StoreUnusable(
            f"cannot open the state database {name}: {error}",
            "check the disk and the permissions; if the file is damaged, move it away to begin anew (baselines are lost)",
        ) from error
    except StoreUnusable:
        if connection is not None:
            connection.close()
        raise
    return connection


def open_reader(file: bytes) -> sqlite3.Connection:
    """A second connection that can only read, so that answers never wait for the writer's fsync."""
    connection = sqlite3.connect(os.fsdecode(file), timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only = 1")
    return connection


def lock_state(file: bytes) -> int:
    """Take the state for this process; the returned descriptor holds the lock until it is closed.

    Raises:
        StateInUse: another process has it.
        StoreUnusable: the folder cannot be written.
    """
    lock_file = file + b".lock"
    try:
        descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StoreUnusable(
            f"cannot write in the state folder {display(os.path.dirname(file))}: {os.strerror(error.errno or 0)}",
            "give the daemon's user write access to it, or name another folder with STATE_DIRECTORY",
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if not isinstance(error, BlockingIOError):
            raise StoreUnusable(
                f"cannot lock the state {display(file)}: {os.strerror(error.errno or 0)}",
                "name a state folder on a local file system with STATE_DIRECTORY",
            ) from error
        raise StateInUse(
            f"cannot use the state {display(file)}: another wan-healthd works on it",
            "stop the other one, or give this one a state folder of its own",
        ) from error
    return descriptor


def _make_private(file: bytes) -> None:
    """Make the database for its owner alone; SQLite gives the files beside it the same mode."""
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))


def _configure(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: what was told to a client (an event's number) must not be untold by a power cut.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = 1")
    connection.execute("PRAGMA trusted_schema = 0")


def _known_version(connection: sqlite3.Connection, name: str) -> int:
    """The schema's number, 0 for a new file; nothing is written before it is known that the database is ours."""
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != APPLICATION_ID and tables:
        raise StoreUnusable(f"cannot use {name}: it is another program's database", "name another state folder")
    newest = migrations()[-1][0]
    if version > newest:
        raise StoreUnusable(
            f"cannot use {name}: a newer wan-healthd wrote it (schema {version}, this one knows {newest})",
            "install the newer version again, or give this one a state folder of its own",
        )
    return int(version)


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    """Each step in a transaction of its own, with the marks that say whose database this is and how far it came."""
    for number, script in migrations():
        if number > version:
            marks = f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {number};"
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\n{marks}\nCOMMIT;")
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('stream', ?)", (secrets.token_hex(8),))
