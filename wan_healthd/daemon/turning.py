"""Start, reload and stop: while one of them is under way and no heart beats yet, the service manager is asked for patience."""

from __future__ import annotations

import asyncio

from wan_healthd.domain.ports import Notifier

STEP_S = 4.0
"""Less than any limit that a unit may reasonably set for a stop."""

GRANT_S = 30.0
LONGEST_START_S = 3600.0
"""A damaged state of some gigabytes is copied and checked in minutes. What takes longer hangs: the manager's limit holds."""

LONGEST_STOP_S = 60.0
"""Longer than the state may take to be written; what was not written by then is read again, and no verdict is lost."""


class Turning:
    """Asks for patience in small steps: if we hang, so does the asking, and what is asked for is bounded.

    Args:
        step_s: see STEP_S; what is quicker is not told of.
    """

    def __init__(self, notifier: Notifier, step_s: float = STEP_S) -> None:
        self._notifier = notifier
        self._step_s = step_s
        self._until = 0.0
        self._under_way = asyncio.Event()

    def begin(self, what: str, most_s: float) -> None:
        """A turn began that may take up to `most_s`; `what` is the status meanwhile."""
        self._until = asyncio.get_running_loop().time() + most_s
        self._notifier.status(what)
        self._under_way.set()

    def end(self) -> None:
        """It is over: the heart beats, or nothing does any more."""
        self._under_way.clear()

    async def run(self) -> None:
        """Ask where needed, until cancelled."""
        while True:
            await self._under_way.wait()
            await asyncio.sleep(self._step_s)
            if self._under_way.is_set() and asyncio.get_running_loop().time() < self._until:
                self._notifier.extend(GRANT_S)
                self._notifier.watchdog()
