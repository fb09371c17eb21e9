"""Rest: what costs memory and is started quickly need not stay while nobody uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Rest:
    """Calls `begin` once nothing was in use for a while. Belongs to one event loop, and has at most one timer there.

    Args:
        after_s: how long nothing has to be in use.
        begin: called in the event loop; not again before something was in use once more.
    """

    def __init__(self, after_s: float, begin: Callable[[], None]) -> None:
        self._after_s = after_s
        self._begin = begin
        self._users = 0
        self._used_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """In use until the block ends."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self.used()

    def used(self) -> None:
        """In use just now. Cheap: the timer finds out when it comes too early."""
        loop = asyncio.get_running_loop()
        self._used_at = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._after_s, self._look)

    def close(self) -> None:
        """It will not be called any more, unless something is used again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._users:  # the last of them sets the timer anew
            return
        loop = asyncio.get_running_loop()
        due = self._used_at + self._after_s
        if loop.time() < due:
            self._timer = loop.call_at(due, self._look)
        else:
            self._begin()
