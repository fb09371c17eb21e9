"""A backup of the state: one moment of it in one file, proven sound, with its digest beside it; nothing is ever overwritten."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from urllib.parse import quote_from_bytes

from msgspec import Struct

from wan_healthd.domain.errors import StateDamaged, StoreUnusable
from wan_healthd.domain.paths import display
from wan_healthd.store.connection import open_reader
from wan_healthd.store.good_copy import copy_whole
from wan_healthd.store.migrating import APPLICATION_ID, expected_schema, migrations
from wan_healthd.store.side_files import put_in_place, remove, sync_folder
from wan_healthd.store.soundness import fault_of, head_fault
from wan_healthd.store.times import to_micros
from wan_healthd.store.trouble import trouble_of

MOST_SIDECAR_BYTES = 4096


class Backup(Struct, frozen=True):
    """What a backup holds."""

    size_bytes: int
    sha256: str
    models: int
    files: int


def sidecar_of(target: bytes) -> bytes:
    """Where the digest of a backup lies, as `sha256sum -c` reads it."""
    return target + b".sha256"


def back_up(
    file: bytes, target: bytes, now: datetime, opening: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
) -> Backup:
    """Copy one moment of the state at `file` to `target`, prove it, and have it reach the disk; a daemon may be at work.

    Args:
        file: the state's path, absolute.
        target: absolute; nothing may be there, nor at its sidecar.
        now: noted in the backup.
        opening: held while the state's own files are opened and closed: by whom is whose they are.

    Raises:
        StoreUnusable: something is there already, there is no state, or the system refuses.
        StateDamaged: the state is damaged, so there is nothing good to keep.
    """
    draft, reserved = target + b".part", []
    try:
        for name in (target, sidecar_of(target), draft):
            _reserve(name)
            reserved.append(name)
        _copy(file, draft, now, opening)
        found = _proven(draft, file)
        _write_sidecar(target, found.sha256)
        put_in_place(draft, target)
        reserved.clear()
    except sqlite3.Error as error:
        raise _refusal(file, error) from error
    except OSError as error:
        raise StoreUnusable(
            f"cannot back up the state to {display(target)}: {error.strerror}", "name a place with room that you may write to"
        ) from error
    finally:
        for name in reserved:
            with contextlib.suppress(OSError):
                remove(name)
    return found


def stated_digest(target: bytes) -> str | None:
    """The digest that stands beside a backup; None where none does.

    Raises:
        StoreUnusable: what stands there is no digest.
    """
    try:
        with open(sidecar_of(target), "rb") as sidecar:
            digest = sidecar.read(MOST_SIDECAR_BYTES).split(b" ", 1)[0].decode("ascii", "replace").strip().lower()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnusable(f"cannot read {display(sidecar_of(target))}: {error.strerror}", "let it be read") from error
    if len(digest) != hashlib.sha256().digest_size * 2:
        raise StoreUnusable(
            f"cannot rely on {display(target)}: what stands in {display(sidecar_of(target))} is no SHA-256",
            "take another backup, or, if you trust this one all the same, move that file away",
        )
    return digest


def _reserve(name: bytes) -> None:
    try:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    except FileExistsError as error:
        raise StoreUnusable(
            f"cannot back up the state: {display(name)} is there already", "name a file that is not there; none is overwritten"
        ) from error


def _copy(file: bytes, draft: bytes, now: datetime, opening: Callable[[], AbstractContextManager[None]]) -> None:
    with opening():
        fault = _absence_of(file) or head_fault(file)
        if fault is not None:
            raise StoreUnusable(f"cannot back up the state {display(file)}: {fault}", "see that STATE_DIRECTORY is right")
        source = open_reader(file)
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()  # opens what lies beside it, too
    try:
        copy_whole(source, draft)
    finally:
        with opening():
            source.close()
    copy = sqlite3.connect(os.fsdecode(draft), isolation_level=None)
    try:
        copy.execute("PRAGMA journal_mode = DELETE")  # all of it in one file
        copy.execute("INSERT OR REPLACE INTO meta VALUES ('copied_at', ?)", (str(to_micros(now)),))
    finally:
        copy.close()


def _absence_of(file: bytes) -> str | None:
    try:
        return None if os.stat(file).st_size else "it is empty"
    except FileNotFoundError:
        return "it is not there"


def _proven(draft: bytes, file: bytes) -> Backup:
    """What the copy holds, once every page of it was looked at."""
    copy = sqlite3.connect(f"file:{quote_from_bytes(draft)}?immutable=1", uri=True, isolation_level=None)
    try:
        version = int(copy.execute("PRAGMA user_version").fetchone()[0])
        owner = copy.execute("PRAGMA application_id").fetchone()[0]
        if owner != APPLICATION_ID or version > migrations()[-1][0]:
            raise StoreUnusable(
                f"cannot back up {display(file)}: another program, or a newer wan-healthd, wrote it", "use that one to do it"
            )
        fault = fault_of(copy, expected_schema(version, migrations()))
        if fault is not None:
            raise StateDamaged(
                f"cannot back up the state {display(file)}: it is damaged: {fault}",
                "restart the daemon: it puts its last good copy in place; or restore an older backup",
                fault,
            )
        models, files = (copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("model", "path"))
    finally:
        copy.close()
    with open(draft, "rb") as whole:
        sha256 = hashlib.file_digest(whole, "sha256").hexdigest()
        return Backup(os.fstat(whole.fileno()).st_size, sha256, models, files)


def _write_sidecar(target: bytes, sha256: str) -> None:
    with open(sidecar_of(target), "wb") as sidecar:
        sidecar.write(b"%s  %s\n" % (sha256.encode("ascii"), os.path.basename(target)))
        sidecar.flush()
        os.fsync(sidecar.fileno())
    sync_folder(target)


def _refusal(file: bytes, error: sqlite3.Error) -> StoreUnusable:
    trouble = trouble_of(error)
    if trouble is None:
        return StoreUnusable(f"cannot back up the state {display(file)}: {error}")
    refusal = StateDamaged if trouble.is_damage else StoreUnusable
    return refusal(f"cannot back up the state {display(file)}: {trouble.cause}", trouble.cure)
