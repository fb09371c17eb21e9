"""A watcher's sink that remembers."""

from __future__ import annotations

import threading

from wan_healthd.domain.ports import WatchEvent, WatchKind


class Hints:
    """Call it with events from any thread; ask it, in the test, for what must have come."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.events: list[WatchEvent] = []

    def __call__(self, event: WatchEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait_for(self, kind: WatchKind, path: bytes, limit_s: float = 5.0) -> None:
        """Return as soon as this hint came; fail if it does not come within `limit_s`."""
        wanted = WatchEvent(kind, path)
        with self._changed:
            came = self._changed.wait_for(lambda: wanted in self.events, limit_s)
        assert came, f"{kind} {path!r} did not come; there were {self.events}"

    def kinds_of(self, path: bytes) -> list[WatchKind]:
        return [event.kind for event in self.events if event.path == path]

    def clear(self) -> None:
        with self._changed:
            self.events.clear()
