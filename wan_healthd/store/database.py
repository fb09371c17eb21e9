"""The database as services see it: one writer thread that commits together what comes together, and a reader beside it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime
from queue import SimpleQueue
from typing import Any, TypeVar, cast

from wan_healthd.domain.errors import StateDamaged, StoreUnusable
from wan_healthd.store.calls import Call, Spawn
from wan_healthd.store.connection import lock_state, open_reader, open_writer
from wan_healthd.store.patience import Patience
from wan_healthd.store.recovery import open_state
from wan_healthd.store.side_files import inode_of
from wan_healthd.store.standing import Standing
from wan_healthd.store.trouble import Trouble, trouble_of

T = TypeVar("T")
GONE = Trouble("its file was removed or replaced while it was in use", "it is put right by the next start", is_damage=True)
BATCH = 256
"""Most calls that one commit may hold: bounds what a failed commit can take with it."""


class Database:
    """The store's front door.

    `write` runs a function in a transaction on the one writing connection. Calls that wait together are committed
    together (each in a savepoint of its own, so that one that fails harms no other), and every caller is answered after the
    commit. `read` runs on a connection that can only read and sees what was committed.

    Where the system refuses a commit (a full disk, a lock, a read-only file system), it is tried again for a short while before
    the callers are told; then each is tried once, until one works again. `standing` tells who wants to know.
    `on_change` is called in the event loop after each commit that changed something, before its callers go on.

    Args:
        file: the database's path; None keeps everything in memory.
        spawn: makes threads.
        now: the time, by which a damaged state is set aside for its last good copy; None leaves it alone.
        tell: told what the opening is about where that may take long.

    Raises:
        StateInUse: another process works on it.
        StateDamaged: it is damaged, and there is no good copy.
        StoreUnusable: it cannot be opened.
    """

    def __init__(
        self, file: bytes | None, spawn: Spawn, *, now: datetime | None = None, tell: Callable[[str], None] = lambda what: None
    ) -> None:
        self._lock = None if file is None else lock_state(file)
        try:
            self._writer = open_writer(None) if file is None or self._lock is None else open_state(file, self._lock, now, tell)
        except StoreUnusable:
            if self._lock is not None:
                os.close(self._lock)
            raise
        self._file = file
        self._inode = None if file is None else inode_of(file)
        self.standing = Standing()
        self.on_change: Callable[[], None] = lambda: None
        self._patience = Patience()
        self._stream = str(self._writer.execute("SELECT value FROM meta WHERE key = 'stream'").fetchone()[0])
        self._guard = threading.Lock()
        self._is_closed = False
        self._writes: SimpleQueue[Call | None] = SimpleQueue()
        self._reads: SimpleQueue[Call | None] | None = None
        if file is not None:
            self._reads = SimpleQueue()
            self._reader = open_reader(file)
        self._threads = [spawn("store-writer", self._write_all)]
        if file is not None:
            self._threads.append(spawn("store-reader", self._read_all))

    @property
    def stream(self) -> str:
        """The name of this store's stream of events; another store has another."""
        return self._stream

    @property
    def fault(self) -> str | None:
        """That a thread of ours ended by itself, so that whoever waits for it waits for ever; None if none did."""
        if self._is_closed or all(thread.is_alive() for thread in self._threads):
            return None
        return "one of its threads ended by itself"

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction and return its result once it is committed.

        Raises:
            StoreUnusable: the database is closed, or it or its disk refuses; nothing of `work` is kept.
        """
        call = Call(work)
        self._hand_in(self._writes, call)
        return cast("T", await self._result(call))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which only reads and sees one state all along, and return its result.

        Raises:
            StoreUnusable: the database is closed, or it or its disk refuses.
        """
        call = Call(work)
        self._hand_in(self._writes if self._reads is None else self._reads, call)
        return cast("T", await self._result(call))

    def close(self) -> None:
        """Finish what is queued, close the files, end the threads. Closing twice does nothing."""
        with self._guard:
            if not self._is_closed:
                self._is_closed = True
                self._patience.end()
                self._writes.put(None)
                if self._reads is not None:
                    self._reads.put(None)
        for thread in self._threads:
            thread.join(10.0)

    def _hand_in(self, queue: SimpleQueue[Call | None], call: Call) -> None:
        with self._guard:
            if self._is_closed:
                raise StoreUnusable("cannot use the state database: it is closed")
            queue.put(call)

    @staticmethod
    async def _result(call: Call) -> Any:
        try:
            return await call.future
        except sqlite3.Error as error:
            trouble = trouble_of(error)
            if trouble is None:
                raise StoreUnusable(
                    f"cannot use the state database: {error}", "check the free space and the health of the disk that holds it"
                ) from error
            refusal = StateDamaged if trouble.is_damage else StoreUnusable
            raise refusal(f"cannot use the state database: {trouble.cause}", trouble.cure) from error

    def _write_all(self) -> None:
        while (first := self._writes.get()) is not None:
            batch, ending = self._gather(first)
            self._commit(batch)
            if ending:
                break
        self._writer.close()
        if self._lock is not None:
            os.close(self._lock)

    def _gather(self, first: Call) -> tuple[list[Call], bool]:
        batch = [first]
        while len(batch) < BATCH and not self._writes.empty():
            call = self._writes.get()
            if call is None:
                return batch, True
            batch.append(call)
        return batch, False

    def _commit(self, batch: list[Call]) -> None:
        """Commit, trying again while that may help; then answer everybody."""
        tries = self._patience.tries(is_known=self.standing.trouble is not None)
        news: Callable[[], None] | None = None
        while True:
            changes = self._writer.total_changes
            outcomes: list[tuple[Call, Any, BaseException | None]] = []
            try:
                self._attempt(batch, outcomes)
            except sqlite3.Error as error:
                trouble = trouble_of(error)
                self._make_room()
                if trouble is not None and not trouble.is_damage and next(tries, False):
                    continue
                self.standing.failed(trouble)
                outcomes = [(call, None, error) for call in batch]
            else:
                if self._writer.total_changes != changes:  # a commit of nothing proves nothing
                    self.standing.worked()
                    news = self.on_change
                if not self._is_in_place():
                    self.standing.failed(GONE)
            break
        for call, result, failure in outcomes:
            call.answer(result, failure, before=news)
            news = None

    def _make_room(self) -> None:
        """What the log holds goes to where it belongs, so that the log can begin anew in the room that it has."""
        with contextlib.suppress(sqlite3.Error):
            self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _is_in_place(self) -> bool:
        """Whether what we write is what the next start will find: SQLite goes on writing to a file that was removed."""
        return self._file is None or inode_of(self._file) == self._inode

    def _attempt(self, batch: list[Call], outcomes: list[tuple[Call, Any, BaseException | None]]) -> None:
        """One transaction; if SQLite or the system refuses it, nothing of it is kept, and that is raised."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for call in batch:
                outcomes.append((call, *self._run_one(call)))  # noqa: PERF401 - what ran before a failure counts for nothing
            self._writer.execute("COMMIT")
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):  # if even that fails, the callers must still be told
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
            raise

    def _run_one(self, call: Call) -> tuple[Any, BaseException | None]:
        """Run in a savepoint; what raises is undone alone, but where the disk or a lock refuses, the whole batch ends."""
        self._writer.execute("SAVEPOINT call")
        result, failure = None, None
        try:
            result = call.work(self._writer)
        except BaseException as error:  # it travels to the caller, whatever it is
            if isinstance(error, sqlite3.OperationalError) or trouble_of(error) is not None:
                raise
            self._writer.execute("ROLLBACK TO call")
            failure = error
        self._writer.execute("RELEASE call")
        return result, failure

    def _read_all(self) -> None:
        assert self._reads is not None  # noqa: S101 - started only where it is set
        while (call := self._reads.get()) is not None:
            try:
                self._reader.execute("BEGIN")
                try:
                    result = call.work(self._reader)
                finally:
                    self._reader.execute("ROLLBACK")
                call.answer(result)
            except BaseException as error:  # it travels to the caller, whatever it is
                trouble = trouble_of(error)
                if trouble is not None and trouble.is_damage:
                    self.standing.failed(trouble)
                call.answer(error=error)
        self._reader.close()
