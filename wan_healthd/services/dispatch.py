"""Dispatch: what was heard of a path becomes a task for it, or a sweep of its folder."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from wan_healthd.domain.paths import is_at_or_below
from wan_healthd.layouts import hf_cache
from wan_healthd.services.arriving import LULL_S
from wan_healthd.services.crew import Crew
from wan_healthd.services.crowds import Crowds
from wan_healthd.services.queue import Priority, Task, WorkQueue
from wan_healthd.services.settle import Settler


class Dispatch:
    """Waits until things settle, and sends them on. What lies below no root is nobody's business.

    Args:
        root_of: the root that holds a path.
        ask_folder: has a folder of a root looked at again; does not wait.
        is_watching: whether the roots are watched.

    Attributes:
        changing: told of files that change; those that settled are judged.
        arriving: told of folders where something is on its way; when it is quiet there they are looked at again.
    """

    def __init__(
        self,
        queue: WorkQueue,
        crew: Crew,
        root_of: Callable[[bytes], bytes | None],
        ask_folder: Callable[[bytes, bytes], None],
        is_watching: Callable[[], bool],
    ) -> None:
        self._queue = queue
        self._crew = crew
        self._root_of = root_of
        self._ask_folder = ask_folder
        self._is_watching = is_watching
        self._crowds = Crowds(self._single, self._look_at)
        self.changing = Settler(self._settled)
        self.arriving = Settler(self._arrived, LULL_S)

    def close(self) -> None:
        """Forget what gathers; the next sweep finds it."""
        self.arriving.close()
        self._crowds.close()

    def _settled(self, path: bytes) -> None:
        if (root := self._root_of(path)) is None:
            return
        links = hf_cache.repo_of_blob(path) or hf_cache.cache_of_payload(path)
        if links is not None and is_at_or_below(links, root):  # nobody's file: what links to it is looked at
            self._ask_folder(root, links)
        else:
            self._crowds.add(path)

    def _arrived(self, folder: bytes) -> None:
        """What may have been on its way is there by now, or it is missed."""
        if self._is_watching():
            self._look_at(folder)

    def _look_at(self, folder: bytes) -> None:
        if (root := self._root_of(folder)) is not None:
            self._ask_folder(root, folder)

    def _single(self, path: bytes) -> None:
        if (root := self._root_of(path)) is not None:
            self._crew.start(self._enqueue(root, path))

    async def _enqueue(self, root: bytes, path: bytes) -> None:
        """A hint that finds no room becomes a sweep of its folder: nothing is lost, it only takes longer."""
        if not await self._queue.put(Task(path, root, Priority.CHANGED, settled=True)):
            self._ask_folder(root, posixpath.dirname(path))
