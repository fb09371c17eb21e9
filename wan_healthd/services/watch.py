"""Watching: hints from the watcher's thread become settled paths in the queue, or sweeps where a hint is too coarse."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

from wan_healthd.domain.paths import is_at_or_below
from wan_healthd.domain.ports import Threads, Watcher, WatchEvent, WatchKind
from wan_healthd.layouts.names import CONTROL_SUFFIX, is_judged_some_day
from wan_healthd.services.crew import Crew
from wan_healthd.services.hints import COARSE, FINISHED, MOST_PENDING, PendingHints
from wan_healthd.services.patrol import Patrol
from wan_healthd.services.places import is_hidden, is_ignored
from wan_healthd.services.retelling import Retelling
from wan_healthd.services.settle import Settler

AT_A_TIME = 500
"""Hints that are handled before the event loop does something else."""


class Watch:
    """Takes hints for the roots.

    Args:
        roots: absolute.
        retelling: told of every change, also in folders that hold no models.
        sweep: called in the event loop with (root, folder) that must be looked at again.
        patrol: looks after the watches as long as this runs.
        most_pending: see MOST_PENDING.
        is_growing: told of root and path each time that somebody wrote to a file and may go on.
        has_ended: told of the path each time that somebody closed or renamed a file.
        get_ready: called when something happens to a file that will have to be judged, mostly long before it is whole.
    """

    def __init__(
        self,
        *,
        watcher: Watcher,
        threads: Threads,
        settler: Settler,
        retelling: Retelling,
        roots: Sequence[bytes],
        crew: Crew,
        sweep: Callable[[bytes, bytes], None],
        patrol: Patrol,
        most_pending: int = MOST_PENDING,
        is_growing: Callable[[bytes, bytes], None] = lambda root, path: None,
        has_ended: Callable[[bytes], None] = lambda path: None,
        get_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._watcher = watcher
        self._threads = threads
        self._settler = settler
        self._retelling = retelling
        self._roots = tuple(sorted(roots, key=len, reverse=True))
        self._crew = crew
        self._sweep = sweep
        self._patrol = patrol
        self._is_growing = is_growing
        self._has_ended = has_ended
        self._get_ready = get_ready
        self._loop: asyncio.AbstractEventLoop | None = None
        self._guard = threading.Lock()
        self._pending = PendingHints(self.root_of, most_pending)
        self._round: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Watch all roots; one that does not answer is watched once it does."""
        with self._guard:  # a hint that came after the last stop would make the first one now seem the second: it wakes nobody
            self._pending.clear()
        self._loop = asyncio.get_running_loop()
        self._watcher.start(self._take)
        begun = asyncio.Event()
        self._round = self._crew.start(self._patrol.run(begun.set))
        await begun.wait()

    async def stop(self) -> None:
        """Hint no more."""
        if self._round is not None:
            self._round.cancel()
            self._round = None
        await self._threads.run(self._watcher.stop)
        self._patrol.forget()
        self._settler.close()
        self._retelling.close()
        self._loop = None

    def root_of(self, path: bytes) -> bytes | None:
        """The innermost root that holds `path`."""
        return next((root for root in self._roots if is_at_or_below(path, root)), None)

    def _take(self, event: WatchEvent) -> None:
        """Called in the watcher's thread: only remember, and wake the loop once."""
        with self._guard:
            is_first = not self._pending
            self._pending.add(event)
        loop = self._loop
        if is_first and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        """Some at a time, so that a storm keeps nobody waiting who asks something."""
        if self._loop is None:  # stopped meanwhile
            return
        with self._guard:
            hints = self._pending.take(AT_A_TIME)
            has_more = len(self._pending) > 0
        for path, kind in hints:
            self._route(path, kind)
        if has_more:
            self._loop.call_soon(self._drain)

    def _route(self, path: bytes, kind: WatchKind) -> None:
        root = self.root_of(path)
        if root is None:
            return
        if kind in COARSE:
            self._route_coarse(root, path, kind)
        else:
            self._route_fine(root, path, kind)

    def _route_fine(self, root: bytes, path: bytes, kind: WatchKind) -> None:
        self._retelling.source_changed(path, is_finished=kind in FINISHED)
        if kind is not WatchKind.GONE and is_judged_some_day(path.rpartition(b"/")[2]):
            self._get_ready()
        if kind is WatchKind.MODIFIED:
            self._is_growing(root, path)
        if kind in FINISHED:
            self._has_ended(path)
        if kind is WatchKind.GONE:  # once a control file is gone, what it controlled is whole
            path = path.removesuffix(CONTROL_SUFFIX)
        if is_ignored(root, path):
            return
        if kind in FINISHED:
            self._settler.finished(path)
        else:
            self._settler.touched(path)

    def _route_coarse(self, root: bytes, path: bytes, kind: WatchKind) -> None:
        if kind is WatchKind.FAILED:
            self._patrol.has_failed(root)
        elif kind is WatchKind.FOLDER_CHANGED:
            self._retelling.folder_changed(path)
        if kind is not WatchKind.FOLDER_CHANGED or not is_hidden(root, path):
            self._sweep(root, root if kind is WatchKind.OVERFLOW else path)
