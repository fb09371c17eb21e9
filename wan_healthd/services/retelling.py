"""Retelling: when a source says something else, the files that it speaks of are judged again, and nothing of them is read anew.

A client that downloads writes its notes by the hundred, and lists of digests are often written line by line. So what speaks of
many files waits until it is quiet, and everything that is said meanwhile about one folder is one sweep of it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping

from wan_healthd.domain.files import Presence
from wan_healthd.domain.ports import Files, Threads
from wan_healthd.provenance import subjects
from wan_healthd.provenance.subjects import Subjects
from wan_healthd.services.crew import Crew
from wan_healthd.services.places import is_hidden, is_ignored
from wan_healthd.services.queue import Priority, Task, WorkQueue
from wan_healthd.services.settle import QUIET_S, Settler


class Retelling:
    """Takes hints about sources. Lives in the event loop.

    Args:
        sweep: called with (root, folder) of which everything must be judged again.
        root_of: the root that a path is judged under; None where there is none.
        manifests: the model's path by each place where its stated manifest may lie.
        quiet_s: see QUIET_S.
    """

    def __init__(
        self,
        *,
        files: Files,
        threads: Threads,
        queue: WorkQueue,
        crew: Crew,
        sweep: Callable[[bytes, bytes], None],
        root_of: Callable[[bytes], bytes | None],
        manifests: Mapping[bytes, bytes],
        quiet_s: float = QUIET_S,
    ) -> None:
        self._files = files
        self._threads = threads
        self._queue = queue
        self._crew = crew
        self._sweep = sweep
        self._root_of = root_of
        self._manifests = manifests
        self._single = Settler(self._retell_one, quiet_s)
        self._wide = Settler(self._retell_all, quiet_s)

    def source_changed(self, path: bytes, *, is_finished: bool) -> None:
        """Something happened to the file at `path`, which may be a source; `is_finished`: its writer is done with it."""
        for subject in subjects.of_source(path, self._manifests):
            if is_finished and not subject.is_wide:
                self._single.finished(subject.path)
            else:
                self._wait_for_quiet(subject)

    def folder_changed(self, path: bytes) -> None:
        """A folder came, went or changed as a whole, maybe with sources in it that nobody told of."""
        subject = subjects.of_folder(path)
        if subject is not None:
            self._wait_for_quiet(subject)

    def close(self) -> None:
        """Forget what waits."""
        self._single.close()
        self._wide.close()

    def _wait_for_quiet(self, subject: Subjects) -> None:
        (self._wide if subject.is_wide else self._single).touched(subject.path)

    def _retell_one(self, path: bytes) -> None:
        root = self._root_of(path)
        if root is not None and not is_ignored(root, path):
            self._crew.start(self._enqueue(root, path))

    def _retell_all(self, path: bytes) -> None:
        root = self._root_of(path)
        if root is not None and not is_hidden(root, path):
            self._crew.start(self._survey(root, path))

    async def _survey(self, root: bytes, path: bytes) -> None:
        """A stated model may be a single file."""
        look = await self._threads.run(lambda: self._files.look(root, path))
        if look.presence is Presence.FOLDER:
            self._sweep(root, path)
        else:
            await self._enqueue(root, path)

    async def _enqueue(self, root: bytes, path: bytes) -> None:
        """Where there is no room, a sweep of the folder waits for it."""
        if not await self._queue.put(Task(path, root, Priority.RETOLD)):
            self._sweep(root, posixpath.dirname(path))
