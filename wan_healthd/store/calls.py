"""Calls that wait for their turn on a connection, and what the database needs of a thread."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from typing import Any, Protocol


class JoinableThread(Protocol):
    """What the database needs of a thread."""

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, at most `timeout` seconds."""

    def is_alive(self) -> bool:
        """Whether it has not ended."""


class Spawn(Protocol):
    """Makes and starts a named thread (`host.threads`)."""

    def __call__(self, name: str, target: Callable[[], None]) -> JoinableThread:
        """Start `target`."""


class Call:
    """One function waiting for its turn on a connection."""

    def __init__(self, work: Callable[[sqlite3.Connection], Any]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()

    def answer(
        self, result: Any = None, error: BaseException | None = None, *, before: Callable[[], None] | None = None
    ) -> None:
        """Tell whoever waits, from any thread; `before` is called first, in their loop, even if nobody waits any more."""
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now: nobody waits any more
            self.loop.call_soon_threadsafe(self._settle, result, error, before)

    def _settle(self, result: Any, error: BaseException | None, before: Callable[[], None] | None) -> None:
        if before is not None:
            before()
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)
