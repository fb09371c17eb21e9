"""Crowds: where very many files of one folder change at a time, one sweep of the folder does for all of them.

To place a single file its folder is listed; of ten thousand new files in one folder each would have ten thousand looked at.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections import Counter
from collections.abc import Callable

WINDOW_S = 1.0
MOST_SINGLE = 50
"""As many hints of one folder within WINDOW_S go on one by one."""

GATHER_S = 1.0
"""How long further hints of a crowd are gathered before the folder is swept."""


class Crowds:
    """Lives in the event loop.

    Args:
        single: called with each path that is none of a crowd, at once.
        sweep: called with a folder in which a crowd was, after the last hint that it stands for.
        most_single, gather_s: see MOST_SINGLE, GATHER_S.
    """

    def __init__(
        self,
        single: Callable[[bytes], None],
        sweep: Callable[[bytes], None],
        *,
        most_single: int = MOST_SINGLE,
        gather_s: float = GATHER_S,
    ) -> None:
        self._single = single
        self._sweep = sweep
        self._most_single = most_single
        self._gather_s = gather_s
        self._window_ends = 0.0
        self._seen: Counter[bytes] = Counter()
        self._gathering: dict[bytes, asyncio.TimerHandle] = {}

    def add(self, path: bytes) -> None:
        """A file that is to be judged."""
        folder = posixpath.dirname(path)
        if folder in self._gathering:
            return
        loop = asyncio.get_running_loop()
        if loop.time() >= self._window_ends:
            self._seen.clear()
            self._window_ends = loop.time() + WINDOW_S
        self._seen[folder] += 1
        if self._seen[folder] <= self._most_single:
            self._single(path)
        else:
            self._gathering[folder] = loop.call_later(self._gather_s, self._release, folder)

    def close(self) -> None:
        """Forget what gathers; the next sweep finds it."""
        for timer in self._gathering.values():
            timer.cancel()
        self._gathering.clear()

    def _release(self, folder: bytes) -> None:
        del self._gathering[folder]
        self._sweep(folder)
