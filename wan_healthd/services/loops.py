"""The loops that do the daemon's work, and by what one sees that each gets on."""

from __future__ import annotations

from collections.abc import Callable

from wan_healthd.services.activity import Activity
from wan_healthd.services.crew import Crew
from wan_healthd.services.liveness import Loop, RoundTrip
from wan_healthd.services.patrol import Patrol
from wan_healthd.services.queue import WorkQueue
from wan_healthd.services.schedule import Schedule
from wan_healthd.store.database import Database

LANES_S = 900.0
"""Longer than any read may be silent, and than its second try."""

PATROL_S = 120.0
"""A round takes a few seconds; roots that do not answer are left alone after ten."""

SCHEDULE_S = 180.0
"""A timer that a jump of the clock has put off is pulled in within a minute."""

WORKER_S = 30.0
"""The engine ends a worker sooner that does not answer, and starts another one for the next file."""


def loops(
    *,
    database: Database,
    queue: WorkQueue,
    activity: Activity,
    patrol: Patrol,
    schedule: Schedule,
    worker: Callable[[], object | None],
    is_waiting: Callable[[], bool],
    crew: Crew,
    hang_s: float,
) -> tuple[Loop, ...]:
    """All of them but the event loop, which lives as long as somebody looks.

    `worker` is the digest worker's mark, `is_waiting` whether sweeps let others go first,
    `hang_s` how long the state may take over a round trip.
    """
    return (
        Loop("the state's writer", hang_s, RoundTrip(lambda: database.write(_nothing), crew), fault=lambda: database.fault),
        Loop("the state's reader", hang_s, RoundTrip(lambda: database.read(_nothing), crew)),
        Loop(
            "the work queue",
            LANES_S,
            lambda: (queue.given_out, activity.bytes_read) if queue.has_work and not is_waiting() else None,
        ),
        Loop("the watch over the folders", PATROL_S, lambda: patrol.rounds),
        Loop("the schedule", SCHEDULE_S, schedule.overdue),
        Loop("the digest worker", WORKER_S, worker, is_vital=False),
    )


def _nothing(_connection: object) -> None:
    """There and back."""
