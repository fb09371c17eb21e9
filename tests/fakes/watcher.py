"""A watcher that tells what the test tells it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from wan_healthd.domain.ports import WatchEvent, WatchKind
from wan_healthd.domain.watching import RootWatch


class FakeWatcher:
    """The `Watcher` port without a kernel; `tell` may be called from any thread.

    Attributes:
        roots: what is watched now.
        sink: where hints go, as long as it is started.
        unwatchable: roots that are told as FAILED when they are added.
        gaps: of each root the folders below it that cannot be watched.
        mounted: whether the next look finds that something was mounted.
        silent: roots at which every call hangs until there is an `answer`.
        patrols: how many there were.
    """

    def __init__(self) -> None:
        self.roots: list[bytes] = []
        self.unwatchable: set[bytes] = set()
        self.gaps: dict[bytes, tuple[bytes, ...]] = {}
        self.mounted = False
        self.silent: set[bytes] = set()
        self.answer = threading.Event()
        self.patrols = 0
        self.sink: Callable[[WatchEvent], None] | None = None

    def start(self, sink: Callable[[WatchEvent], None]) -> None:
        self.sink = sink

    def add_root(self, root: bytes) -> None:
        self.remove_root(root)
        if root in self.silent:
            self.answer.wait(10)
        if root in self.unwatchable:
            self.tell(WatchKind.FAILED, root)
        else:
            self.roots.append(root)

    def remove_root(self, root: bytes) -> None:
        if root in self.roots:
            self.roots.remove(root)

    def look_at_mounts(self) -> bool:
        mounted, self.mounted = self.mounted, False
        return mounted

    def patrol(self, root: bytes) -> None:
        self.patrols += 1
        if root in self.silent:
            self.answer.wait(10)

    def fill_gaps(self, root: bytes) -> None:
        if root in self.gaps and not self.unwatchable & set(self.gaps[root]):
            for path in self.gaps.pop(root):
                self.tell(WatchKind.FOLDER_CHANGED, path)

    def report(self, root: bytes) -> RootWatch:
        gaps = self.gaps.get(root, ())
        return RootWatch(root, int(root in self.roots), gaps, len(gaps), "ENOSPC" if gaps else None)

    def stop(self) -> None:
        self.roots.clear()
        self.sink = None

    def tell(self, kind: WatchKind, path: bytes) -> None:
        if self.sink is not None:
            self.sink(WatchEvent(kind, path))
