"""A damaged state: set aside, and the last good copy in its place. Never a new baseline in silence."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec import Struct

from wan_healthd.domain.errors import StateDamaged, StoreUnusable
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.paths import display, printable
from wan_healthd.store import events
from wan_healthd.store.connection import Connection, lock_state, open_writer
from wan_healthd.store.side_files import copy_private, good_copy_of, put_in_place, remove, set_aside
from wan_healthd.store.times import from_micros

_KEY = "restored"


class Restored(Struct, frozen=True):
    """A restoration that is still to be told; `message` is one line with everything that it means."""

    message: str


def open_state(file: bytes, lock: int, now: datetime | None, tell: Callable[[str], None] = lambda what: None) -> Connection:
    """Open the writing connection; a state that is damaged is replaced by its last good copy.

    Args:
        file: absolute.
        lock: descriptor of the held lock; its file remembers that a state was begun.
        now: None leaves a damaged state alone.
        tell: told what it is about where that may take long.

    Raises:
        StateDamaged: it is damaged, and there is no good copy.
        StoreUnusable: foreign, newer than this version, or the file system refuses.
    """
    is_begun = os.fstat(lock).st_size > 0 or os.path.lexists(good_copy_of(file))
    try:
        connection = open_writer(file, is_begun=is_begun, tell=tell)
    except StateDamaged as damage:
        if now is None:
            raise
        tell("recovering the state from its last good copy")
        restore(file, damage, now)
        connection = open_writer(file, is_begun=True)
    if os.fstat(lock).st_size == 0:
        remember(lock)
    return connection


def restore(file: bytes, damage: StateDamaged, now: datetime) -> None:
    """Set the damaged state aside and put the last good copy in its place, with a stream of events of its own.

    Nothing is touched before the copy is known to be good; whoever is killed in between finds the rest to do.

    Raises:
        StateDamaged: there is no good copy.
        StoreUnusable: the file system refuses.
    """
    draft = file + b".restoring"
    try:
        copy_private(good_copy_of(file), draft)
        _mark_restored(draft, file, damage, now)
        set_aside(file, "damaged", now)
        put_in_place(draft, file)
    except FileNotFoundError:
        raise StateDamaged(f"{damage.message}; there is no good copy of it", damage.suggestion) from damage
    except StateDamaged as second:
        told = f"{damage.message}; its last good copy is no better: {second.fault}"
        raise StateDamaged(told, damage.suggestion) from second
    except (OSError, sqlite3.Error) as error:
        raise StoreUnusable(
            f"cannot put the last good copy of the state in its place: {error}",
            "see that the disk has room, and what the kernel says of it (`journalctl -k`)",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            remove(draft)


def rebuild(file: bytes, now: datetime) -> bytes | None:
    """Set the state aside with its good copy, sound or not, so that the next start begins anew; returns its new name.

    Returns None where there is no state.

    Raises:
        StateInUse: a daemon works on it.
        StoreUnusable: the file system refuses.
    """
    lock = lock_state(file)
    try:
        os.ftruncate(lock, 0)
        there = [name for name in (file, good_copy_of(file)) if os.path.lexists(name)]
        # The copy first: whoever is killed in between has the state still, and not its copy in its place.
        names = [set_aside(name, "old", now) for name in reversed(there)]
        return names[-1] if names else None
    except OSError as error:
        raise StoreUnusable(f"cannot set the state aside: {error.strerror}", "check the disk and the permissions") from error
    finally:
        os.close(lock)


def begin_new_stream(copy: Connection, message: str, now: datetime) -> None:
    """Say in a copy itself, in the transaction that is open, what it is, and what is still to be told of that."""
    # Numbers told after the copy was made are used again from here: under another name of the stream.
    copy.execute("UPDATE meta SET value = ? WHERE key = 'stream'", (secrets.token_hex(8),))
    copy.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_KEY, msgspec.json.encode(Restored(message)).decode()))
    events.append(copy, [NewEvent(now, EventKind.STATE_RESTORED, message)])


def copied_at(copy: Connection) -> str:
    """When a copy was made, in words."""
    row = copy.execute("SELECT value FROM meta WHERE key = 'copied_at'").fetchone()
    return "an unknown time" if row is None else f"{from_micros(int(row[0])):%Y-%m-%d %H:%M:%S} UTC"


def remember(lock: int) -> None:
    """From now on an empty or absent state is a loss, not a first start."""
    try:
        os.pwrite(lock, b"begun\n", 0)
        os.fsync(lock)
    except OSError:
        os.ftruncate(lock, 0)  # a full disk: the next start remembers


def untold(connection: Connection) -> Restored | None:
    """The restoration that nobody was told of yet."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Restored)


def told(connection: Connection) -> None:
    """Somebody was told."""
    connection.execute("DELETE FROM meta WHERE key = ?", (_KEY,))


def _mark_restored(draft: bytes, file: bytes, damage: StateDamaged, now: datetime) -> None:
    """Say in the copy itself what it is: the event and what is still to be told come with it, or not at all."""
    copy = open_writer(draft, is_begun=True)
    try:
        of = copied_at(copy)
        message = printable(
            f"the state was damaged ({damage.fault}), and its last good copy, of {of}, took its place: what was learnt since"
            f" then is read again; events, trust and baselines since then are lost; what is left of the damaged one lies beside"
            f" {display(file)} as *.damaged-{now:%Y%m%dT%H%M%SZ}"
        )
        copy.execute("BEGIN IMMEDIATE")
        begin_new_stream(copy, message, now)
        copy.execute("COMMIT")
        copy.execute("PRAGMA journal_mode = DELETE")  # all of it in one file, which is then renamed
    finally:
        copy.close()
