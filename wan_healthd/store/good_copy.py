"""The last good copy of the state: made of one moment, checked before it replaces the older one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote_from_bytes

from wan_healthd.domain.errors import StateDamaged, StoreUnusable
from wan_healthd.store.migrating import expected_schema, migrations
from wan_healthd.store.side_files import good_copy_of, put_in_place, remove
from wan_healthd.store.soundness import fault_of
from wan_healthd.store.times import to_micros
from wan_healthd.store.trouble import trouble_of

PAGES_AT_ONCE = 256
PAUSE_S = 0.002
"""A MiB is copied, then others have their turn: at most 400 MB/s, and the writer's own commits are never held up."""

SPARE_BYTES = 64 << 20
"""What must be left on the file system beyond the copy: the state itself must be able to grow."""

LOOK_EVERY = 100_000
"""Instructions of SQLite's between two looks whether we shall stop."""


class Copier:
    """Makes the copies of one state. `make` may run in any thread, one at a time; `cancel` ends it soon.

    Args:
        file: the state's path, absolute.
        spare_bytes: see SPARE_BYTES.
    """

    def __init__(self, file: bytes, spare_bytes: int = SPARE_BYTES) -> None:
        self._file = file
        self._spare_bytes = spare_bytes
        self._cancelled = threading.Event()

    def made_at(self) -> datetime | None:
        """When the last good copy was made; None if there is none."""
        try:
            return datetime.fromtimestamp(os.stat(good_copy_of(self._file)).st_mtime, UTC)
        except OSError:
            return None

    def make(self, now: datetime) -> None:
        """Make a copy and, if it is sound, put it in place of the older one.

        Raises:
            StateDamaged: the state itself is damaged; the older copy stays.
            StoreUnusable: too little space, the disk refuses, the copy alone is bad, or we were told to stop.
        """
        draft = self._file + b".copying"
        source: sqlite3.Connection | None = None
        try:
            self._make_room(draft)
            source = sqlite3.connect(f"file:{quote_from_bytes(self._file)}?mode=ro", uri=True, isolation_level=None)
            copy_whole(source, draft, self._check)
            self._date(draft, now)
            fault = self._fault_of(f"file:{quote_from_bytes(draft)}?immutable=1")
            if fault is not None:
                self._accuse(source, fault)
            put_in_place(draft, good_copy_of(self._file))
        except (sqlite3.Error, OSError) as error:
            raise self._refusal(error) from error
        finally:
            if source is not None:
                source.close()
            with contextlib.suppress(OSError):
                remove(draft)

    def cancel(self) -> None:
        """End a copy under way, and make none any more."""
        self._cancelled.set()

    def _make_room(self, draft: bytes) -> None:
        remove(draft)
        wanted = self._spare_bytes + sum(_size(self._file + ending) for ending in (b"", b"-wal"))
        facts = os.statvfs(os.path.dirname(self._file))
        if facts.f_bavail * facts.f_frsize < wanted:
            raise StoreUnusable(
                "cannot keep a good copy of the state: too little space is left beside it", f"free {wanted >> 20} MiB there"
            )

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise StoreUnusable("cannot keep a good copy of the state: told to stop")

    @staticmethod
    def _date(draft: bytes, now: datetime) -> None:
        copy = sqlite3.connect(os.fsdecode(draft), isolation_level=None)
        try:
            copy.execute("PRAGMA journal_mode = DELETE")  # a copy is one file
            copy.execute("INSERT OR REPLACE INTO meta VALUES ('copied_at', ?)", (str(to_micros(now)),))
        finally:
            copy.close()

    def _fault_of(self, address: str) -> str | None:
        """What is wrong with a database, as somebody sees it who only reads."""
        copy = sqlite3.connect(address, uri=True, isolation_level=None)
        copy.set_progress_handler(lambda: int(self._cancelled.is_set()), LOOK_EVERY)
        try:
            return fault_of(copy, expected_schema(migrations()[-1][0], migrations()))
        except UnicodeDecodeError as error:  # SQLite's own words quote what is spoilt
            return str(error)
        except sqlite3.DatabaseError as error:
            trouble = trouble_of(error)
            if trouble is None or not trouble.is_damage:
                raise
            return trouble.cause
        finally:
            copy.close()

    def _accuse(self, source: sqlite3.Connection, fault: str) -> None:
        """The copy is bad: because the state is, or because it was badly copied."""
        source.close()
        own = self._fault_of(f"file:{quote_from_bytes(self._file)}?mode=ro")
        if own is not None:
            raise StateDamaged(f"cannot rely on the state database: it is damaged: {own}", "it is put right by the next start")
        raise StoreUnusable(
            f"cannot keep a good copy of the state: the copy is bad: {fault}", "see what the kernel says of the disk"
        )

    @staticmethod
    def _refusal(error: sqlite3.Error | OSError) -> StoreUnusable:
        trouble = trouble_of(error)
        if trouble is None:
            return StoreUnusable(f"cannot keep a good copy of the state: {error}")
        refusal = StateDamaged if trouble.is_damage else StoreUnusable
        return refusal(f"cannot keep a good copy of the state: {trouble.cause}", trouble.cure)


def copy_whole(source: sqlite3.Connection, target: bytes, check: Callable[[], None] = lambda: None) -> None:
    """Copy one moment of a database to `target`, whatever is committed meanwhile, and have it reach the disk.

    Args:
        source: has no transaction open.
        target: what stands there is replaced.
        check: called between the steps; what it raises ends the copying.

    Raises:
        sqlite3.Error, OSError: the system refuses.
    """
    remove(target)
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    copy = sqlite3.connect(os.fsdecode(target), isolation_level=None)
    try:
        copy.execute("PRAGMA synchronous = OFF")  # nobody looks at a half of it; at its end it is synced as a whole
        # One read transaction all along: else each commit meanwhile would have the copy begin again.
        source.execute("BEGIN")
        try:
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(copy, pages=PAGES_AT_ONCE, sleep=PAUSE_S, progress=lambda _status, _left, _all: check())
        finally:
            source.execute("ROLLBACK")
    finally:
        copy.close()
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size(file: bytes) -> int:
    try:
        return os.stat(file).st_size
    except FileNotFoundError:
        return 0
