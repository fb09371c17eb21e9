"""A cron whose time is the test's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from wan_healthd.domain.ports import Clock

Action = Callable[[], None]


class FakeCron:
    """The `Cron` port; `tick` calls what the clock says is due."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timers: dict[str, tuple[datetime, float, Action]] = {}
        self._fired: set[str] = set()
        self.is_running = False

    def start(self) -> None:
        self.is_running = True

    def every(self, name: str, interval_s: float, first_at: datetime, action: Action) -> None:
        self._timers[name] = (max(first_at, self._clock.now()), interval_s, action)
        self._fired.discard(name)

    def next_runs(self) -> dict[str, datetime]:
        return {name: due for name, (due, _, _) in self._timers.items()}

    def shutdown(self) -> None:
        self._timers.clear()
        self.is_running = False

    def tick(self) -> None:
        """Call each timer that is due, once, however late; none that ran before is further away than its interval."""
        now = self._clock.now()
        for name in self._fired & self._timers.keys():
            due, interval_s, action = self._timers[name]
            self._timers[name] = (min(due, now + timedelta(seconds=interval_s)), interval_s, action)
        for name, (due, interval_s, action) in list(self._timers.items()):
            if self.is_running and due <= now and self._timers.get(name) == (due, interval_s, action):
                self._timers[name] = (now + timedelta(seconds=interval_s), interval_s, action)
                self._fired.add(name)
                action()


class TickingCron(FakeCron):
    """The fake with a clock that goes by itself, as the contract needs it."""

    TICK_S = 0.005

    def start(self) -> None:
        super().start()
        asyncio.get_running_loop().call_later(self.TICK_S, self._again)

    def _again(self) -> None:
        if self.is_running:
            self.tick()
            asyncio.get_running_loop().call_later(self.TICK_S, self._again)
