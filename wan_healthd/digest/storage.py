"""Whether a job waits for its file's storage: what tells a slow disk from a worker that hangs."""

from __future__ import annotations

import threading


class Storage:
    """Entered around each system call that may wait for a disk or a file server. One for each job, for all of its readers."""

    __slots__ = ("_lock", "_under_way")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way = 0

    @property
    def is_asked(self) -> bool:
        """Whether such a call is under way; any thread may look."""
        return self._under_way > 0

    def __enter__(self) -> None:
        with self._lock:
            self._under_way += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._under_way -= 1
