"""Downloads: files that grow are followed while they are written, so that little is left to do once they are whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wan_healthd.domain.errors import WorkerFailed, WorkerRefused
from wan_healthd.domain.identity import FileIdentity
from wan_healthd.domain.ports import BlockRun, DownloadFollower, Files, ReadOutcome, Threads
from wan_healthd.layouts.names import is_judged_some_day
from wan_healthd.services.crew import Crew
from wan_healthd.services.deadline import Unanswered
from wan_healthd.services.opening import close_in_thread, open_in_thread
from wan_healthd.services.passes import SMALL_BYTES, Received

MOST_FOLLOWED = 2
"""Each takes up to one processor; others are read once they are whole."""

LOOK_EVERY_S = 0.1
"""A file is looked at only if it is still written to so long after the first hint: most are whole by then."""

MOST_HINTED = 1000
"""Files whose first hint is remembered. In a storm of more, none is followed."""

AGAIN_AFTER_S = 60.0
"""What was given up while it was written is written in a way that is not worth following: several connections at once fill it
here and there. It would be hashed from its beginning again and again."""

Key = tuple[str, int]
"""File system and inode: a new name for the finished file changes neither."""


class Download:
    """One file that is followed.

    Attributes:
        finish: has the worker prove what came in, and given True answer; None before it begins.
        done: its answer; None where that came to nothing.
    """

    def __init__(self, task: asyncio.Task[None] | None) -> None:
        self._task = task
        self.finish: Callable[[bool], None] | None = None
        self.runs: list[BlockRun] = []
        self.done: asyncio.Future[ReadOutcome | None] = asyncio.get_running_loop().create_future()

    def begin(self, finish: Callable[[bool], None]) -> None:
        """The worker follows it."""
        self.finish = finish

    def drop(self) -> None:
        """Follow it no more."""
        if self._task is not None:
            self._task.cancel()


class Downloads:
    """Follows what grows; lives in the event loop.

    Attributes:
        most: see MOST_FOLLOWED; 0 follows nothing.
    """

    def __init__(
        self, *, engine: DownloadFollower, files: Files, threads: Threads, crew: Crew, most: int = MOST_FOLLOWED
    ) -> None:
        self._engine = engine
        self._files = files
        self._threads = threads
        self._crew = crew
        self.most = most
        self._not_before: dict[bytes, float] = {}
        self._followed: dict[Key, Download] = {}
        self._paths: dict[bytes, Download] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._followed)

    def touched(self, root: bytes, path: bytes) -> None:
        """Somebody writes to `path`; cheap, since this comes with every write."""
        if len(self._tasks) >= self.most:
            return
        now = asyncio.get_running_loop().time()
        if len(self._not_before) >= MOST_HINTED and path not in self._not_before:
            self._not_before.clear()
        if now < self._not_before.setdefault(path, now + LOOK_EVERY_S):
            return
        self._not_before[path] = now + LOOK_EVERY_S
        if is_judged_some_day(path.rpartition(b"/")[2]):
            task = self._crew.start(self._follow(root, path))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def ended(self, path: bytes) -> None:
        """Somebody closed what he wrote to `path`, or gave it another name: it may be whole, and asked for in a moment."""
        download = self._paths.get(path)
        if download is not None and download.finish is not None:
            download.finish(False)

    async def received(self, identity: FileIdentity) -> Received | None:
        """What came in, proven to be what the file holds now; None if it was not followed, or that cannot be vouched for."""
        download = self._followed.get(_key(identity))
        if download is None:
            return None
        if download.finish is None:
            download.drop()
            return None
        download.finish(True)
        outcome = await asyncio.shield(download.done)
        return None if outcome is None else Received(outcome, tuple(download.runs))

    def drop(self, identity: FileIdentity) -> None:
        """Nobody needs to know what came in."""
        if (download := self._followed.get(_key(identity))) is not None:
            download.drop()

    def close(self) -> None:
        """Follow nothing any more."""
        self._not_before.clear()
        for task in self._tasks:
            task.cancel()

    async def _follow(self, root: bytes, path: bytes) -> None:
        try:
            opened = await open_in_thread(self._files, self._threads, root, path)
        except Unanswered:  # whoever judges the file will tell
            return
        if opened.descriptor is None:
            return
        try:
            if opened.look.identity is not None:
                await self._follow_open(path, opened.look.identity, opened.descriptor)
        finally:
            await close_in_thread(self._threads, opened.descriptor)

    async def _follow_open(self, path: bytes, identity: FileIdentity, descriptor: int) -> None:
        key = _key(identity)
        if key in self._followed or identity.size_bytes <= SMALL_BYTES:
            return
        download = self._followed[key] = self._paths[path] = Download(asyncio.current_task())
        outcome: ReadOutcome | None = None
        try:
            outcome = await self._engine.follow(descriptor, download.begin, download.runs.append)
        except (WorkerFailed, WorkerRefused):
            self._not_before[path] = asyncio.get_running_loop().time() + AGAIN_AFTER_S  # until then it is read as any other
        finally:
            del self._followed[key]
            if self._paths.get(path) is download:  # another file may have come to this path meanwhile
                del self._paths[path]
            if not download.done.done():
                download.done.set_result(outcome)


def _key(identity: FileIdentity) -> Key:
    return identity.filesystem, identity.inode
