"""Watching: hints from the watcher's thread become settled paths in the queue, or sweeps where a hint is too coarse."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

from wan_healthd.domain.paths import display
from wan_healthd.domain.ports import Threads, Watcher, WatchEvent, WatchKind
from wan_healthd.services.crew import Crew
from wan_healthd.services.places import is_hidden, is_ignored
from wan_healthd.services.settle import Settler
from wan_healthd.services.sweep import is_below

MOST_PENDING = 100_000
"""Most hints that may wait for the event loop; beyond it their roots are swept instead."""

RETRY_S = 60.0
"""How often a root that could not be watched is tried again; each time it is swept, so that it is at least polled."""

FINISHED = frozenset({WatchKind.CLOSED, WatchKind.MOVED_IN, WatchKind.GONE})
COARSE = frozenset({WatchKind.FOLDER_CHANGED, WatchKind.OVERFLOW, WatchKind.FAILED})


class Watch:
    """Takes hints for the roots.

    Args:
        roots: absolute.
        sweep: called in the event loop with (root, folder) that must be looked at again.
        complain: told of roots that cannot be watched.
        most_pending, retry_s: see MOST_PENDING, RETRY_S.
    """

    def __init__(
        self,
        *,
        watcher: Watcher,
        threads: Threads,
        settler: Settler,
        roots: Sequence[bytes],
        crew: Crew,
        sweep: Callable[[bytes, bytes], None],
        complain: Callable[[str], None],
        most_pending: int = MOST_PENDING,
        retry_s: float = RETRY_S,
    ) -> None:
        self._watcher = watcher
        self._threads = threads
        self._settler = settler
        self._roots = tuple(sorted(roots, key=len, reverse=True))
        self._crew = crew
        self._sweep = sweep
        self._complain = complain
        self._most_pending = most_pending
        self._retry_s = retry_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._guard = threading.Lock()
        self._pending: dict[bytes, WatchKind] = {}
        self._has_lost = False
        self._unwatched: dict[bytes, asyncio.TimerHandle | None] = {}

    @property
    def unwatched(self) -> tuple[bytes, ...]:
        """Roots whose changes are found by sweeps only."""
        return tuple(self._unwatched)

    async def start(self) -> None:
        """Watch all roots."""
        with self._guard:  # a hint that came after the last stop would make the first one now seem the second: it wakes nobody
            self._pending.clear()
            self._has_lost = False
        self._loop = asyncio.get_running_loop()
        await self._threads.run(self._begin)

    async def stop(self) -> None:
        """Hint no more."""
        await self._threads.run(self._watcher.stop)
        self._settler.close()
        for timer in self._unwatched.values():
            if timer is not None:
                timer.cancel()
        self._unwatched.clear()
        self._loop = None

    def root_of(self, path: bytes) -> bytes | None:
        """The innermost root that holds `path`."""
        return next((root for root in self._roots if is_below(path, root)), None)

    def _begin(self) -> None:
        self._watcher.start(self._take)
        for root in self._roots:
            self._watcher.add_root(root)

    def _take(self, event: WatchEvent) -> None:
        """Called in the watcher's thread: only remember, and wake the loop once."""
        with self._guard:
            is_first = not self._pending and not self._has_lost
            if len(self._pending) < self._most_pending:
                self._pending[event.path] = _stronger(self._pending.get(event.path), event.kind)
            else:
                self._has_lost = True
        loop = self._loop
        if is_first and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        if self._loop is None:  # stopped meanwhile
            return
        with self._guard:
            pending, self._pending = self._pending, {}
            has_lost, self._has_lost = self._has_lost, False
        for path, kind in pending.items():
            self._route(path, kind)
        if has_lost:
            for root in self._roots:
                self._sweep(root, root)

    def _route(self, path: bytes, kind: WatchKind) -> None:
        root = self.root_of(path)
        if root is None:
            return
        if kind in COARSE:
            if kind is WatchKind.FAILED:
                self._failed(root, path)
            if kind is not WatchKind.FOLDER_CHANGED or not is_hidden(root, path):
                self._sweep(root, root if kind is WatchKind.OVERFLOW else path)
        elif is_ignored(root, path):
            return
        elif kind in FINISHED:
            self._settler.finished(path)
        else:
            self._settler.touched(path)

    def _failed(self, root: bytes, path: bytes) -> None:
        """Say so once; a root is tried again, since it may come back."""
        if path not in self._unwatched:
            self._complain(f"cannot watch {display(path)}: changes there are found by sweeps only")
        loop = self._loop
        if path == root and loop is not None:
            earlier = self._unwatched.get(root)
            if earlier is not None:
                earlier.cancel()
            self._unwatched[root] = loop.call_later(self._retry_s, self._retry, root)

    def _retry(self, root: bytes) -> None:
        self._unwatched[root] = None
        self._crew.start(self._renew(root))

    async def _renew(self, root: bytes) -> None:
        await self._threads.run(lambda: self._watcher.remove_root(root))
        if self._loop is None:  # stopped meanwhile: a watch set now would never be taken away
            return
        await self._threads.run(lambda: self._watcher.add_root(root))
        self._drain()  # if it failed again, that is among the hints by now
        if self._unwatched.get(root) is None:
            self._unwatched.pop(root, None)
        self._sweep(root, root)


def _stronger(known: WatchKind | None, new: WatchKind) -> WatchKind:
    """Of two hints about one path the one that must not be missed: failed over coarse over finished over open-ended."""
    if known is WatchKind.FAILED or (known in COARSE and new not in COARSE):
        return known if known is not None else new
    if known in FINISHED and new is WatchKind.ATTRIBUTES:
        return known if known is not None else new
    return new
