"""The one place that makes threads. All are daemon threads: a call that hangs on a dead NFS mount must not hold up the exit.

`concurrent.futures` joins its threads when the interpreter ends, daemon or not, which is why it is not used here.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")

DEFAULT_SIZE = 4
"""Threads of a pool that serve; those that hang on a dead mount do not count."""

HANGS_S = 5.0
"""A thread that is at one call for longer may hang, and others are made in its place."""

MOST_THREADS = 64
"""Beyond this many threads, those that hang do count."""

DEFAULT_CLOSE_LIMIT_S = 2.0


def spawn(name: str, target: Callable[[], None]) -> threading.Thread:
    """Start a daemon thread that runs `target` once.

    Args:
        name: as shown by `top -H` and in stack dumps.
        target: handles its own exceptions; one that escapes goes to `threading.excepthook`.
    """
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread


class _Job(Generic[T]):
    """One blocking call and the future that waits for it in its event loop.

    The future yields a function that returns or raises, not the outcome itself: an asyncio future can hold neither
    StopIteration nor an exception that nobody fetches after a cancellation.
    """

    __slots__ = ("_call", "_loop", "future")

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Callable[[], T]] = self._loop.create_future()

    def perform(self) -> None:
        """Make the call, in a thread, unless nobody waits for it any more."""
        if self.future.cancelled():
            return
        try:
            result = self._call()
        except BaseException as error:  # whatever it is, it belongs to the caller, not to this thread
            self._settle(_raising(error))
        else:
            self._settle(lambda: result)

    def refuse(self, error: BaseException) -> None:
        """End the waiting without a call."""
        self._settle(_raising(error))

    def _settle(self, outcome: Callable[[], T]) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop was closed meanwhile: nobody is left to tell
            self._loop.call_soon_threadsafe(self._deliver, outcome)

    def _deliver(self, outcome: Callable[[], T]) -> None:
        if not self.future.done():
            self.future.set_result(outcome)


def _raising(error: BaseException) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


class ThreadPool:
    """The `Threads` port: a few daemon threads that are started as needed and serve any number of event loops.

    A call that hangs keeps its thread, but not for long the place of another one: see HANGS_S.

    A task that is cancelled stops waiting at once. Its call, if it is under way, goes on in its thread and its result is
    dropped; if it has not begun, it never does.
    """

    def __init__(self, size: int = DEFAULT_SIZE, name: str = "wan-blocking", *, hangs_s: float = HANGS_S) -> None:
        self._size = size
        self._hangs_s = hangs_s
        self._name = name
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._numbers = itertools.count()
        self._begun: dict[threading.Thread, float] = {}
        self._lock = threading.Lock()
        self._closed = False

    async def run(self, call: Callable[[], T]) -> T:
        """Run `call` in a thread and return its result; its exception is raised here.

        Raises:
            RuntimeError: the pool is closed.
        """
        job = _Job(call)
        self._submit(job)
        outcome = await job.future
        try:
            return outcome()
        finally:
            del outcome  # an exception's traceback leads here: do not keep each other alive

    def close(self, limit_s: float = DEFAULT_CLOSE_LIMIT_S) -> None:
        """Refuse what has not begun and wait up to `limit_s` seconds for what has; then leave it behind."""
        with self._lock:
            self._closed = True
            self._refuse_waiting()
            for _ in self._threads:
                self._jobs.put(None)
        deadline = time.monotonic() + limit_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _submit(self, job: _Job[Any]) -> None:
        with self._lock:
            if self._closed:
                raise _closed()
            self._jobs.put(job)
            if self._serving() < self._size and len(self._threads) < MOST_THREADS:
                self._threads.append(spawn(f"{self._name}-{next(self._numbers)}", self._work))

    def _serving(self) -> int:
        """Threads that do not hang."""
        overdue = time.monotonic() - self._hangs_s
        return len(self._threads) - sum(begun < overdue for begun in self._begun.values())

    def _work(self) -> None:
        own = threading.current_thread()
        while (job := self._jobs.get()) is not None:
            with self._lock:
                self._begun[own] = time.monotonic()
            job.perform()
            del job  # it holds the call and what the call holds; the wait for the next one may be long
            with self._lock:
                del self._begun[own]
                if self._serving() > self._size and not self._closed:  # those that hung came back
                    self._threads.remove(own)
                    return

    def _refuse_waiting(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                job = self._jobs.get_nowait()
                if job is not None:
                    job.refuse(_closed())


def _closed() -> RuntimeError:
    return RuntimeError("cannot run a blocking call: the thread pool is closed")
