"""A deadline on what blocks: nobody waits for ever for a file system that does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from wan_healthd.domain.ports import Threads

T = TypeVar("T")

LIMIT_S = 60.0
"""The largest folder on a slow server is listed within seconds; a disk that wakes up takes ten."""


class Unanswered(Exception):
    """A call did not come back in time. `pending` is done once it does; it holds a thread until then."""

    def __init__(self, limit_s: float, pending: asyncio.Future[Any]) -> None:
        super().__init__(f"cannot go on: a file system did not answer within {limit_s:g} s")
        self.pending = pending


class Deadline:
    """The `Threads` port over another one, with a limit on each call.

    Args:
        limit_s: see LIMIT_S.
    """

    def __init__(self, threads: Threads, limit_s: float = LIMIT_S) -> None:
        self._threads = threads
        self._limit_s = limit_s

    async def run(self, call: Callable[[], T]) -> T:
        """Run `call` in a thread and return its result; its exception is raised here.

        Raises:
            Unanswered: it did not come back in time, and goes on.
        """
        asking = asyncio.ensure_future(self._threads.run(call))
        try:
            answered, _ = await asyncio.wait([asking], timeout=self._limit_s)
        except asyncio.CancelledError:
            asking.cancel()
            raise
        if not answered:
            asking.add_done_callback(_take_note)
            raise Unanswered(self._limit_s, asking)
        return asking.result()


def _take_note(late: asyncio.Future[Any]) -> None:
    """Whoever asked is gone: what came of it at last is of no interest, also where it is an exception."""
    if not late.cancelled():
        late.exception()
