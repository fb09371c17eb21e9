"""Timers: the `Cron` port over APScheduler's AsyncIOScheduler.

APScheduler is imported when the first timer is made, since that takes 70 to 100 ms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from wan_healthd.domain.ports import Clock

if TYPE_CHECKING:
    from wan_healthd.host.interval import Interval

LOOK_AGAIN_AFTER_S = 60.0
"""APScheduler sleeps until the next timer by a clock that does not jump; the timers are set by one that does."""

Action = Callable[[], None]


class ApSchedulerCron:
    """The `Cron` port. All calls come from the thread of the event loop that `start` was called in, or before `start`.

    A time that passed while the computer slept, or while the loop was busy, is made up for by one call, however late.
    """

    def __init__(self, clock: Clock, look_again_after_s: float = LOOK_AGAIN_AFTER_S) -> None:
        self._clock = clock
        self._look_again_after_s = look_again_after_s
        self._scheduler: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next_look: asyncio.TimerHandle | None = None
        self._actions: dict[str, Action] = {}

    def start(self) -> None:
        """Begin calling back; needs a running event loop."""
        self._loop = asyncio.get_running_loop()
        self._made().start()
        self._look_again_later()

    def every(self, name: str, interval_s: float, first_at: datetime, action: Action) -> None:
        """Call `action` first at `first_at`, or now if that is past, then each `interval_s`; replaces one of the same name."""
        from wan_healthd.host.interval import Interval

        self._actions[name] = action
        self._made().add_job(
            self._fire,
            Interval(timedelta(seconds=interval_s)),
            args=(name, action),
            id=name,
            next_run_time=max(first_at, self._clock.now()),
            replace_existing=True,
        )

    def next_runs(self) -> dict[str, datetime]:
        """Next time of each timer."""
        jobs = [] if self._scheduler is None else self._scheduler.get_jobs()
        return {job.id: job.next_run_time.astimezone(UTC) for job in jobs}

    def shutdown(self) -> None:
        """Forget all timers; nothing is called afterwards."""
        self._actions.clear()
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.remove_all_jobs()
            if scheduler.running and self._loop is not None and not self._loop.is_closed():
                scheduler.shutdown(wait=False)

    def _made(self) -> Any:
        if self._scheduler is None:
            from apscheduler.executors.debug import DebugExecutor
            from apscheduler.schedulers.asyncio import AsyncIOScheduler

            self._scheduler = AsyncIOScheduler(
                timezone=UTC,
                # It runs jobs in the event loop itself; the default one would run plain functions in threads.
                executors={"default": DebugExecutor()},
                job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            )
        return self._scheduler

    def _fire(self, name: str, action: Action) -> None:
        """Not called from within APScheduler, which would undo what the action does to its own timer."""
        if self._loop is not None:
            self._loop.call_soon(self._call, name, action)

    def _call(self, name: str, action: Action) -> None:
        if self._actions.get(name) is action:  # neither replaced nor forgotten meanwhile
            action()

    def _look_again_later(self) -> None:
        if self._loop is not None:
            self._next_look = self._loop.call_later(self._look_again_after_s, self._look_again)

    def _look_again(self) -> None:
        if self._scheduler is not None:
            self._pull_in_what_a_jump_put_off()
            self._scheduler.wakeup()
            self._look_again_later()

    def _pull_in_what_a_jump_put_off(self) -> None:
        """After the clock was set back, no timer that ran before is further away than its interval."""
        now = self._clock.now()
        for job in self._scheduler.get_jobs():
            interval: Interval = job.trigger
            due = interval.not_put_off(job.next_run_time, now)
            if due != job.next_run_time:
                job.modify(next_run_time=due)
