"""Restoring a backup: proven before anything is touched, worked on where nobody sees it, then put in place of the old state."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from wan_healthd.domain.errors import HealthdError, StateDamaged, StoreUnusable
from wan_healthd.domain.paths import display, printable
from wan_healthd.store import timers
from wan_healthd.store.connection import Connection, lock_state, open_writer
from wan_healthd.store.recovery import begin_new_stream, copied_at, remember
from wan_healthd.store.side_files import good_copy_of, put_in_place, remove, set_aside

PIECE_BYTES = 1 << 20
FULL_SWEEP = "full-sweep"
OTHER = "take another backup (`sha256sum -c FILE.sha256` proves one)"


class Source(Struct, frozen=True):
    """A backup that was opened for reading.

    Args:
        name: for people.
        sha256: what its digest should be; None where nobody says.
    """

    descriptor: int
    name: bytes
    sha256: str | None = None


class Restoration(Struct):
    """What becomes of a restoration: `message` is one line with everything that it means, `aside` the old state's name."""

    of: str
    message: str = ""
    aside: bytes | None = None


@contextlib.contextmanager
def restoring(file: bytes, source: Source, now: datetime) -> Iterator[tuple[Connection, Restoration]]:
    """Within the block the backup's copy can be worked on, in one transaction; at its end it takes the state's place.

    It begins a new stream of events, and the next start begins with a full sweep: until that is done, nobody has compared the
    files of now with the digests of then. The state of before is set aside with its good copy. Whoever is killed in between, or
    whatever the block raises, leaves the state as it was, or the restored one.

    Raises:
        StateInUse: a daemon works on the state.
        StoreUnusable: the backup is damaged, foreign or newer than this version, or the system refuses.
    """
    lock = lock_state(file)
    draft = file + b".restoring"
    try:
        _copy(source, draft)
        connection = _opened(draft, source)
        try:
            restored = Restoration(copied_at(connection))
            connection.execute("BEGIN IMMEDIATE")
            yield connection, restored
            restored.message = _message(file, source, restored.of, now)
            begin_new_stream(connection, restored.message, now)
            timers.begin_anew(connection, FULL_SWEEP, now)
            connection.execute("COMMIT")
            connection.execute("PRAGMA journal_mode = DELETE")
        finally:
            connection.close()
        restored.aside = _set_aside(file, now)
        put_in_place(draft, file)
        remember(lock)
    except (OSError, sqlite3.Error) as error:
        raise StoreUnusable(
            f"cannot restore {display(source.name)}: {error}", "see that the state's folder has room and can be written"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            remove(draft)
        os.close(lock)


def _copy(source: Source, draft: bytes) -> None:
    """Copy what was opened, and prove it on the way: SQLite itself keeps no digests of what it stores."""
    remove(draft)
    digest = hashlib.sha256()
    target = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(target, "wb") as copy, open(source.descriptor, "rb", closefd=False) as original:
        while piece := original.read(PIECE_BYTES):
            digest.update(piece)
            copy.write(piece)
    if source.sha256 not in (None, digest.hexdigest()):
        raise StoreUnusable(f"cannot restore {display(source.name)}: it is not what was backed up (its SHA-256 differs)", OTHER)


def _opened(draft: bytes, source: Source) -> Connection:
    """The copy as the daemon would open it: sound, ours, and of the newest schema."""
    try:
        return open_writer(draft, is_begun=True)
    except StateDamaged as damage:
        raise StoreUnusable(f"cannot restore {display(source.name)}: it is damaged: {damage.fault}", OTHER) from damage
    except HealthdError as error:
        why = error.message.replace(os.fsdecode(draft), display(source.name))
        raise StoreUnusable(f"cannot restore {display(source.name)}: {why}", error.suggestion) from error


def _set_aside(file: bytes, now: datetime) -> bytes | None:
    there = [name for name in (file, good_copy_of(file)) if os.path.lexists(name)]
    # The copy first: whoever is killed in between has the state still, and not its copy in its place.
    names = [set_aside(name, "replaced", now) for name in reversed(there)]
    return names[-1] if names else None


def _message(file: bytes, source: Source, of: str, now: datetime) -> str:
    aside = f"; the state of before lies beside {display(file)} as *.replaced-{now:%Y%m%dT%H%M%SZ}"
    return printable(
        f"the state was restored from the backup {display(source.name)}, of {of}: events, trust and baselines since then are"
        f" lost, and every file is read again and compared with what was recorded" + (aside if os.path.lexists(file) else "")
    )
