"""A trigger for APScheduler that survives jumps of the clock. Imports APScheduler: import it late."""

from __future__ import annotations

from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger


class Interval(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """Fires each `length`, in step with the first time.

    APScheduler's own IntervalTrigger lists every time that a jump of the clock skipped, one by one: from 1970 to now, by the
    minute, that is half an hour of work for one call.
    """

    def __init__(self, length: timedelta) -> None:
        self.length = length
        self.has_fired = False

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """The first time in step with `previous` that is after both `previous` and `now`."""
        if previous is None:
            return now
        self.has_fired = True
        skipped = max(0, (now - previous) // self.length)
        return previous + (skipped + 1) * self.length

    def not_put_off(self, due: datetime, now: datetime) -> datetime:
        """`due`, or one `length` from `now` if the clock was set back; the first time stands as it was asked for."""
        return min(due, now + self.length) if self.has_fired else due
