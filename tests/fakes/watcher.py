"""A watcher that tells what the test tells it."""

from __future__ import annotations

from collections.abc import Callable

from wan_healthd.domain.ports import WatchEvent, WatchKind


class FakeWatcher:
    """The `Watcher` port without a kernel; `tell` may be called from any thread.

    Attributes:
        roots: what is watched now.
        sink: where hints go, as long as it is started.
        unwatchable: roots that are told as FAILED when they are added.
    """

    def __init__(self) -> None:
        self.roots: list[bytes] = []
        self.unwatchable: set[bytes] = set()
        self.sink: Callable[[WatchEvent], None] | None = None

    def start(self, sink: Callable[[WatchEvent], None]) -> None:
        self.sink = sink

    def add_root(self, root: bytes) -> None:
        self.remove_root(root)
        if root in self.unwatchable:
            self.tell(WatchKind.FAILED, root)
        else:
            self.roots.append(root)

    def remove_root(self, root: bytes) -> None:
        if root in self.roots:
            self.roots.remove(root)

    def stop(self) -> None:
        self.roots.clear()
        self.sink = None

    def tell(self, kind: WatchKind, path: bytes) -> None:
        if self.sink is not None:
            self.sink(WatchEvent(kind, path))
