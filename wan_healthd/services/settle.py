"""When a hint becomes work: at once where the writer is done, after a quiet time where it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

QUIET_S = 2.0
"""How long an open-ended change must be followed by nothing before the file is looked at."""

MOST_WAITING = 10_000
"""Beyond this many waiting files, a further one is released at once: judged too early it is only judged twice."""


class Settler:
    """Holds back files that are still being written.

    Args:
        release: called in the event loop with the path of a file that settled.
        quiet_s: see QUIET_S.
    """

    def __init__(self, release: Callable[[bytes], None], quiet_s: float = QUIET_S) -> None:
        self._release = release
        self._quiet_s = quiet_s
        self._timers: dict[bytes, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._timers)

    def finished(self, path: bytes) -> None:
        """Its writer closed it, moved it here, or it is gone: nothing to wait for."""
        self._cancel(path)
        self._release(path)

    def touched(self, path: bytes, quiet_s: float | None = None) -> None:
        """Something changed that may go on changing; `quiet_s` None: for as long as usual."""
        self._cancel(path)
        if len(self._timers) >= MOST_WAITING:
            self._release(path)
            return
        self._timers[path] = asyncio.get_running_loop().call_later(quiet_s or self._quiet_s, self._expire, path)

    def close(self) -> None:
        """Forget what waits; the next sweep finds it."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _expire(self, path: bytes) -> None:
        del self._timers[path]
        self._release(path)

    def _cancel(self, path: bytes) -> None:
        timer = self._timers.pop(path, None)
        if timer is not None:
            timer.cancel()
