"""A service manager's ear that remembers."""

from __future__ import annotations


class FakeNotifier:
    """The `Notifier` port; `calls` holds what was told, in order, a status as "status: TEXT"."""

    def __init__(self, watchdog_interval_s: float | None = None) -> None:
        self.calls: list[str] = []
        self._watchdog_interval_s = watchdog_interval_s

    def ready(self) -> None:
        self.calls.append("ready")

    def status(self, text: str) -> None:
        self.calls.append(f"status: {text}")

    def reloading(self) -> None:
        self.calls.append("reloading")

    def stopping(self) -> None:
        self.calls.append("stopping")

    def watchdog(self) -> None:
        self.calls.append("watchdog")

    def trigger(self) -> None:
        self.calls.append("trigger")

    def extend(self, limit_s: float) -> None:
        self.calls.append(f"extend: {limit_s:g}")

    def keep(self, name: str, descriptor: int) -> None:
        self.calls.append(f"keep: {name}")

    def let_go(self, name: str) -> None:
        self.calls.append(f"let go: {name}")

    @property
    def watchdog_interval_s(self) -> float | None:
        return self._watchdog_interval_s
