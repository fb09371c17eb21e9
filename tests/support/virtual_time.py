"""An event loop whose clock moves only when there is nothing else to do: what waits, waits exactly as long as it says."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Waits for nobody: where nothing is ready, the wait is added to the clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            self.now_s += timeout or 0.0
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s


def run(scenario: Coroutine[Any, Any, T]) -> T:
    """As asyncio.run, in virtual time. Not for what waits for threads or processes."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(scenario)
