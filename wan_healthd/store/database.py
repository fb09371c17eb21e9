"""The database as services see it: one writer thread that commits together what comes together, and a reader beside it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar, cast

from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.store.connection import lock_state, open_reader, open_writer

T = TypeVar("T")
BATCH = 256
"""Most calls that one commit may hold: bounds what a failed commit can take with it."""


class JoinableThread(Protocol):
    """What the database needs of a thread."""

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, at most `timeout` seconds."""


class Spawn(Protocol):
    """Makes and starts a named thread (`host.threads`)."""

    def __call__(self, name: str, target: Callable[[], None]) -> JoinableThread:
        """Start `target`."""


class _Call:
    """One function waiting for its turn on a connection."""

    def __init__(self, work: Callable[[sqlite3.Connection], Any]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()

    def answer(self, result: Any = None, error: BaseException | None = None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now: nobody waits any more
            self.loop.call_soon_threadsafe(self._settle, result, error)

    def _settle(self, result: Any, error: BaseException | None) -> None:
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class Database:
    """The store's front door.

    `write` runs a function in a transaction on the one writing connection. Calls that wait together are committed
    together (each in a savepoint of its own, so that one that fails harms no other), and every caller is answered after the
    commit. `read` runs on a connection that can only read and sees what was committed.

    Args:
        file: the database's path; None keeps everything in memory.
        spawn: makes threads.
    """

    def __init__(self, file: bytes | None, spawn: Spawn) -> None:
        self._lock = None if file is None else lock_state(file)
        try:
            self._writer = open_writer(file)
        except StoreUnusable:
            if self._lock is not None:
                os.close(self._lock)
            raise
        self._stream = str(self._writer.execute("SELECT value FROM meta WHERE key = 'stream'").fetchone()[0])
        self._guard = threading.Lock()
        self._is_closed = False
        self._writes: SimpleQueue[_Call | None] = SimpleQueue()
        self._reads: SimpleQueue[_Call | None] | None = None
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

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction and return its result once it is committed.

        Raises:
            StoreUnusable: the database is closed, or it or its disk refuses; nothing of `work` is kept.
        """
        call = _Call(work)
        self._hand_in(self._writes, call)
        return cast("T", await self._result(call))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which only reads and sees one state all along, and return its result.

        Raises:
            StoreUnusable: the database is closed, or it or its disk refuses.
        """
        call = _Call(work)
        self._hand_in(self._writes if self._reads is None else self._reads, call)
        return cast("T", await self._result(call))

    def close(self) -> None:
        """Finish what is queued, close the files, end the threads. Closing twice does nothing."""
        with self._guard:
            if not self._is_closed:
                self._is_closed = True
                self._writes.put(None)
                if self._reads is not None:
                    self._reads.put(None)
        for thread in self._threads:
            thread.join(10.0)

    def _hand_in(self, queue: SimpleQueue[_Call | None], call: _Call) -> None:
        with self._guard:
            if self._is_closed:
                raise StoreUnusable("cannot use the state database: it is closed")
            queue.put(call)

    @staticmethod
    async def _result(call: _Call) -> Any:
        try:
            return await call.future
        except sqlite3.Error as error:
            raise StoreUnusable(
                f"cannot use the state database: {error}", "check the free space and the health of the disk that holds it"
            ) from error

    def _write_all(self) -> None:
        while (first := self._writes.get()) is not None:
            batch, ending = self._gather(first)
            self._commit(batch)
            if ending:
                break
        self._writer.close()
        if self._lock is not None:
            os.close(self._lock)

    def _gather(self, first: _Call) -> tuple[list[_Call], bool]:
        batch = [first]
        while len(batch) < BATCH and not self._writes.empty():
            call = self._writes.get()
            if call is None:
                return batch, True
            batch.append(call)
        return batch, False

    def _commit(self, batch: list[_Call]) -> None:
        done: list[tuple[_Call, Any]] = []
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for call in batch:
                self._run_one(call, done)
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):  # if even that fails, the callers must still be told
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
            for call in batch:
                call.answer(error=error)
            return
        for call, result in done:
            call.answer(result)

    def _run_one(self, call: _Call, done: list[tuple[_Call, Any]]) -> None:
        """Run in a savepoint; what raises is undone alone, but where the disk or a lock refuses, the whole batch ends."""
        self._writer.execute("SAVEPOINT call")
        try:
            result = call.work(self._writer)
        except sqlite3.OperationalError:
            raise
        except BaseException as error:  # it travels to the caller, whatever it is
            self._writer.execute("ROLLBACK TO call")
            call.answer(error=error)
        else:
            done.append((call, result))
        self._writer.execute("RELEASE call")

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
                call.answer(error=error)
        self._reader.close()
