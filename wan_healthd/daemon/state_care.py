"""`wan-healthd --backup-state`, `--restore-state` and `--moved-root`: the state, kept, put back, and taken along."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from wan_healthd.daemon.places import STATE_FILE, state_file
from wan_healthd.domain.amounts import size_text
from wan_healthd.domain.errors import InvalidRequest, StoreUnusable
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.paths import display, printable
from wan_healthd.host.clock import SystemClock
from wan_healthd.services.verdicts import refresh
from wan_healthd.store import events, moving, timers
from wan_healthd.store.backup import back_up, sidecar_of, stated_digest
from wan_healthd.store.connection import Connection, lock_state
from wan_healthd.store.recovery import open_state
from wan_healthd.store.restoring import FULL_SWEEP, Source, restoring

SYSTEM_STATE = b"/var/lib/wan-healthd"
"""Where the system's service keeps it (StateDirectory=): what root means who states nothing."""

Move = tuple[bytes, bytes]


def run(options: argparse.Namespace) -> int:
    """Do it and say what was done; returns the exit status.

    Raises:
        StateInUse: a daemon works on the state that is to be replaced or changed.
        StoreUnusable: a backup is not what it should be, or the system refuses.
        InvalidRequest: the state knows no such root, or the options do not go together.
    """
    os.umask(0o077)
    file, now = _place(os.environ), SystemClock().now()
    moves = [(_absolute(old), _absolute(new)) for old, new in options.moved_root]
    if options.backup_state and moves:
        raise InvalidRequest("cannot move a root in a backup", "back up first; move with --restore-state, or alone")
    if options.backup_state:
        return _back_up(file, _absolute(options.backup_state), now)
    if options.restore_state:
        return _restore(file, _absolute(options.restore_state), moves, now)
    return _move(file, moves, now)


def _back_up(file: bytes, target: bytes, now: datetime) -> int:
    done = back_up(file, target, now, lambda: _as_owner_of(os.path.dirname(file)))
    print(
        f"the state is backed up to {display(target)}: {size_text(done.size_bytes)}, {done.models} models, {done.files} files"
    )
    print(f"its digest is in {display(sidecar_of(target))}; keep both, and prove them with `sha256sum -c`")
    return 0


def _restore(file: bytes, backup: bytes, moves: Sequence[Move], now: datetime) -> int:
    sha256 = stated_digest(backup)
    try:
        descriptor = os.open(backup, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise StoreUnusable(f"cannot restore {display(backup)}: {error.strerror}", "name a backup that you may read") from error
    try:
        with (
            _as_owner_of(os.path.dirname(file)),
            restoring(file, Source(descriptor, backup, sha256), now) as (connection, restored),
        ):
            told = _apply(connection, moves, now)
    finally:
        os.close(descriptor)
    if sha256 is None:
        print(f"no {display(sidecar_of(backup))} was there: the backup is well-formed, but nobody proves that it is unchanged")
    print(f"the state is that of {restored.of} now")
    if restored.aside is not None:
        print(f"the state of before was set aside as {display(restored.aside)}; remove it when nobody needs it any more")
    print("\n".join([*told, "start the daemon: it reads every file, and compares it with what was recorded"]))
    return 0


def _move(file: bytes, moves: Sequence[Move], now: datetime) -> int:
    with _as_owner_of(os.path.dirname(file)):
        if not os.path.lexists(file):
            raise StoreUnusable(
                f"cannot move a root: there is no state at {display(file)}", "see that STATE_DIRECTORY is right"
            )
        lock = lock_state(file)
        try:
            connection = open_state(file, lock, None)
            try:
                connection.execute("BEGIN IMMEDIATE")
                told = _apply(connection, moves, now)
                timers.begin_anew(connection, FULL_SWEEP, now)
                connection.execute("COMMIT")
            finally:
                connection.close()
        finally:
            os.close(lock)
    print("\n".join([*told, "start the daemon: it reads the files there, and compares them with what was recorded"]))
    return 0


def _apply(connection: Connection, moves: Sequence[Move], now: datetime) -> list[str]:
    """Move the roots, one after the other, in the transaction that is open; says what was done."""
    told = []
    for old, new in moves:
        moved = moving.move_root(connection, old, new, now)
        for model_id in moved.model_ids:
            refresh(connection, model_id, now, finished=False)
        to_do = f"{moved.files} files of {len(moved.model_ids)} models are to be read"
        line = f"the root {display(old)} is {display(new)} now: {to_do}"
        events.append(connection, [NewEvent(now, EventKind.ROOT_MOVED, printable(line), path=display(new))])
        told.append(line)
    return told


def _place(environ: Mapping[str, str]) -> bytes:
    """The state that is meant: as the daemon finds it, but root, who states nothing, means that of the system's service."""
    if os.geteuid() == 0 and not (environ.get("STATE_DIRECTORY") or environ.get("XDG_STATE_HOME")):
        system = os.path.join(SYSTEM_STATE, os.fsencode(STATE_FILE))
        if os.path.isdir(SYSTEM_STATE):
            return system
    return state_file(environ)


@contextlib.contextmanager
def _as_owner_of(folder: bytes) -> Iterator[None]:
    """Within the block, root acts as whoever the state belongs to: a file of root's there would lock the daemon out."""
    facts = os.stat(folder)
    if os.geteuid() != 0 or facts.st_uid == 0:
        yield
        return
    gid = os.getegid()
    os.setegid(facts.st_gid)
    os.seteuid(facts.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)


def _absolute(path: str) -> bytes:
    return os.path.abspath(os.fsencode(path))
