"""Opening the database: settings, migrations, and errors that people understand."""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Callable, Sequence

from wan_healthd.domain.errors import StateDamaged, StateInUse, StoreUnusable
from wan_healthd.domain.paths import display
from wan_healthd.store.good_copy import copy_whole
from wan_healthd.store.log_check import log_fault
from wan_healthd.store.migrating import APPLICATION_ID, Script, expected_schema, migrate, migrations, schema_of
from wan_healthd.store.side_files import lock_of
from wan_healthd.store.soundness import fault_of, head_fault
from wan_healthd.store.trouble import trouble_of

BUSY_TIMEOUT_S = 5.0
LOG_BYTES = 8 << 20
"""What the write-ahead log keeps of the disk after it was long: twice what it holds before it is begun anew."""

Connection = sqlite3.Connection
"""What the functions of this room take; other rooms name it without a second door to SQLite."""


def open_writer(
    file: bytes | None,
    *,
    is_begun: bool = False,
    scripts: Sequence[Script] | None = None,
    tell: Callable[[str], None] = lambda what: None,
) -> sqlite3.Connection:
    """The one writing connection, sound and migrated to the newest schema; `file` None keeps everything in memory.

    A database of an older schema is kept as it was, beside the migrated one.

    Args:
        file: absolute.
        is_begun: whether there must be something in the file; else an empty one, or none, is a first start.
        scripts: the migrations; None for those of this version.
        tell: told what it is about where that may take long.

    Raises:
        StateDamaged: what is there is damaged.
        StoreUnusable: foreign, newer than this version, or the file system refuses.
    """
    scripts = migrations() if scripts is None else scripts
    name = ":memory:" if file is None else os.fsdecode(file)
    connection: sqlite3.Connection | None = None
    try:
        if file is not None:
            _make_private(file, is_begun=is_begun)
            _check_files(file)
        connection = sqlite3.connect(name, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        version = _known_version(connection, name, scripts, is_begun=is_begun)
        if file is not None and 0 < version < scripts[-1][0]:
            tell(f"bringing the state to schema {scripts[-1][0]}")
            copy_whole(connection, file + b".before-schema-%d" % scripts[-1][0])
        _configure(connection)
        migrate(connection, version, scripts)
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('stream', ?)", (secrets.token_hex(8),))
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.Error | OSError):
            raise _unusable(name, error) from error
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
    try:
        descriptor = os.open(lock_of(file), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
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


def _unusable(name: str, error: sqlite3.Error | OSError) -> StoreUnusable:
    trouble = trouble_of(error)
    if trouble is not None and trouble.is_damage:
        return damaged(name, trouble.cause)
    cure = trouble.cure if trouble is not None else "check the disk and the permissions of the state's folder"
    cause = trouble.cause if trouble is not None else str(error)
    return StoreUnusable(f"cannot open the state database {name}: {cause}", cure)


def damaged(name: str, fault: str) -> StateDamaged:
    """The error for a state that is not what was written."""
    return StateDamaged(
        f"cannot open the state database {name}: it is damaged: {fault}",
        "`wan-healthd --rebuild-state`, as the daemon's user and with its STATE_DIRECTORY, sets it aside and begins anew:"
        " baselines, trust and past events are lost then (a state of `scan --state FILE`: move FILE* away)",
        fault,
    )


def _make_private(file: bytes, *, is_begun: bool) -> None:
    """Make the database for its owner alone; SQLite gives the files beside it the same mode."""
    if is_begun and not os.path.lexists(file):
        raise damaged(os.fsdecode(file), "the file is gone")
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))


def _check_files(file: bytes) -> None:
    """Before SQLite opens them: it drops what it finds wrong in a log, and takes a spoilt head for a write protection."""
    fault = head_fault(file) or log_fault(file)
    if fault is not None:
        raise damaged(os.fsdecode(file), fault)


def _configure(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: what was told to a client (an event's number) must not be untold by a power cut.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
    connection.execute("PRAGMA foreign_keys = 1")
    connection.execute("PRAGMA trusted_schema = 0")
    connection.execute("PRAGMA cell_size_check = 1")  # damaged pages are told, not trodden on


def _known_version(connection: sqlite3.Connection, name: str, scripts: Sequence[Script], *, is_begun: bool) -> int:
    """As `_sound_version`; what SQLite cannot make sense of is damage, whatever it calls that."""
    try:
        return _sound_version(connection, name, scripts, is_begun=is_begun)
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter where SQLite's own words quote what is spoilt
        if trouble_of(error) is not None:
            raise
        raise damaged(name, str(error)) from error


def _sound_version(connection: sqlite3.Connection, name: str, scripts: Sequence[Script], *, is_begun: bool) -> int:
    """The schema's number, 0 for a new file; nothing is written before it is known that the database is ours and sound."""
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    found = schema_of(connection)
    newest = scripts[-1][0]
    if owner != APPLICATION_ID and found and found != expected_schema(newest, scripts):
        raise StoreUnusable(f"cannot use {name}: it is another program's database", "name another state folder")
    if version > newest:
        raise StoreUnusable(
            f"cannot use {name}: a newer wan-healthd wrote it (schema {version}, this one knows {newest})",
            "install the newer version again, or give this one a state folder of its own",
        )
    if not found and (is_begun or version or owner):
        raise damaged(name, "it is empty")
    fault = fault_of(connection, expected_schema(version, scripts)) if found else None
    if fault is not None or (found and owner != APPLICATION_ID):
        raise damaged(name, fault or "its header is not what was written")
    return version
