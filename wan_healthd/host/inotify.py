"""Hints about changed files: the `Watcher` port over inotify, through watchdog's `InotifyFD`.

watchdog's `Observer` is not used. It swallows watch limits and refusals, holds every event behind a rename back for half a
second, tells an overflow only to the log, and reports the files of a new folder before anybody can know that they are
complete (watchdog 7.1.0, `observers/inotify.py`). The layer below it, which owns the descriptor, the thread and the watch
descriptors, has none of this; its version is pinned, since it is not documented.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable

from watchdog.observers.inotify_c import DEFAULT_EVENT_BUFFER_SIZE, InotifyEvent, InotifyFD

from wan_healthd.domain.ports import WatchEvent, WatchKind
from wan_healthd.host.watched_tree import WatchedTree

Sink = Callable[[WatchEvent], None]

OWN_FOLDER = b".wan-healthd"
"""Quarantine and temporaries of ours on a model file system: never watched (contract: Models and judgement)."""


class InotifyWatcher:
    """The `Watcher` port. One thread serves all roots; the sink is called from it, and from `add_root` for what fails there.

    Not seen, so that sweeps have to find it: what other machines change on network file systems, writes through `mmap`
    before the file is closed, a file system mounted over a watched folder, and the renaming of a folder above a root.
    """

    def __init__(self, ignored_names: frozenset[bytes] = frozenset({OWN_FOLDER})) -> None:
        self._ignored_names = ignored_names
        self._lock = threading.Lock()
        self._trees: dict[bytes, WatchedTree] = {}
        self._reader: _Reader | None = None
        self._sink: Sink | None = None

    def start(self, sink: Sink) -> None:
        """Begin; roots are added with `add_root`."""
        self._sink = sink

    def add_root(self, root: bytes) -> None:
        """Watch `root` anew; one that cannot be watched is told as FAILED. Blocks while watches are set."""
        self.remove_root(root)
        try:
            tree = self._new_tree(root)
        except OSError:  # no inotify instance left for this user (fs.inotify.max_user_instances)
            self._tell(WatchEvent(WatchKind.FAILED, root))
        else:
            tree.plant()

    def remove_root(self, root: bytes) -> None:
        """Stop watching `root`; no error if it is not watched."""
        with self._lock:
            tree = self._trees.pop(root, None)
        if tree is not None:
            tree.fell()

    def stop(self) -> None:
        """End the thread; nothing is told afterwards."""
        with self._lock:
            self._sink = None
            trees, self._trees = self._trees, {}
            reader, self._reader = self._reader, None
        for tree in trees.values():
            tree.fell()
        if reader is not None:
            reader.stop()
            reader.join()

    def _new_tree(self, root: bytes) -> WatchedTree:
        with self._lock:
            if self._reader is None or not self._reader.should_keep_running():
                self._reader = _Reader(self._on_reader_lost)
                self._reader.start()
            tree = self._trees[root] = WatchedTree(self._reader, root, self._tell, self._ignored_names)
            return tree

    def _on_reader_lost(self) -> None:
        """The thread ended by itself: nothing is watched any more. `add_root` starts another one."""
        with self._lock:
            trees, self._trees = self._trees, {}
        for root in trees:
            self._tell(WatchEvent(WatchKind.FAILED, root))

    def _tell(self, event: WatchEvent) -> None:
        sink = self._sink
        if sink is not None:
            # A sink that raises breaks its promise. One hint is lost then, which sweeps make good; the thread must live.
            with contextlib.suppress(Exception):
                sink(event)


class _Reader(InotifyFD):
    """watchdog's thread, with what it lacks: it says when it dies, and its descriptor is not inherited by children."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        super().__init__()
        self.name = "wan-inotify"
        self._on_lost = on_lost

    @classmethod
    def _create_inotify_fd(cls) -> int:
        descriptor = super()._create_inotify_fd()
        os.set_inheritable(descriptor, False)
        return descriptor

    def run(self) -> None:
        """Read until stopped; an exception ends the thread, but not in silence."""
        try:
            super().run()
        finally:
            if self.should_keep_running():
                self._is_reading = False  # so that `stop` closes the descriptors instead of asking this thread to
                self.stop()
                self._on_lost()

    def read_events(self, *, event_buffer_size: int = DEFAULT_EVENT_BUFFER_SIZE) -> list[InotifyEvent]:
        """The next events, without repeated writes to one file: a download makes thousands of them a second."""
        return without_repeated_writes(super().read_events(event_buffer_size=event_buffer_size))


def without_repeated_writes(events: list[InotifyEvent]) -> list[InotifyEvent]:
    """The events, less each MODIFY of a file of which the last event before it was a MODIFY too."""
    kept: list[InotifyEvent] = []
    latest: dict[tuple[int, bytes], InotifyEvent] = {}
    for event in events:
        place = (event.wd, event.name)
        before = latest.get(place)
        if before is None or not (event.is_modify and before.is_modify):
            kept.append(event)
        latest[place] = event
    return kept
