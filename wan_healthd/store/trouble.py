"""What SQLite's errors mean: a system that refuses, which may pass, or a state that is damaged, which will not."""

from __future__ import annotations

import sqlite3

from msgspec import Struct

DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

CURES = {
    sqlite3.SQLITE_BUSY: "end the other program that holds the database open (`fuser -v` names it)",
    sqlite3.SQLITE_LOCKED: "end the other program that holds the database open (`fuser -v` names it)",
    sqlite3.SQLITE_PROTOCOL: "end the other program that holds the database open (`fuser -v` names it)",
    sqlite3.SQLITE_FULL: "free some space on the file system that holds the state",
    sqlite3.SQLITE_IOERR: "see what the kernel says of the disk that holds the state (`journalctl -k`), and its free space",
    sqlite3.SQLITE_READONLY: "make the file system that holds the state writable again (`mount` tells whether it is read-only)",
    sqlite3.SQLITE_CANTOPEN: "see whether the state's folder is still there, and whether the daemon's user may write in it",
    sqlite3.SQLITE_PERM: "see whether the daemon's user may write in the state's folder",
    sqlite3.SQLITE_NOMEM: "see what uses the memory of this machine",
}
"""Primary result codes (sqlite.org/rescode.html) of refusals that may pass, with what helps."""


class Trouble(Struct, frozen=True):
    """Why the state cannot be used: the cause in SQLite's words, what helps, and whether trying again is in vain."""

    cause: str
    cure: str
    is_damage: bool = False


def is_trouble(error: BaseException) -> bool:
    """Whether an error comes from what `Standing` tells of anyway."""
    return error.__cause__ is not None and trouble_of(error.__cause__) is not None


def trouble_of(error: BaseException) -> Trouble | None:
    """What an error tells about the state; None if it is about the statement alone, or no error of SQLite's."""
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(error, sqlite3.Error) or code is None:
        return None
    primary = code & 0xFF
    cause = f"{error} ({error.sqlite_errorname})"
    if primary in DAMAGE:
        return Trouble(cause, "it is put right by the next start", is_damage=True)
    cure = CURES.get(primary)
    return None if cure is None else Trouble(cause, cure)
