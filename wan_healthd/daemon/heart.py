"""The heartbeat: what the service manager is told, only as long as the loops that do the work are alive."""

from __future__ import annotations

import asyncio
import contextlib

from wan_healthd.assembly import House
from wan_healthd.domain.catalogue import STATE_CANNOT_BE_WRITTEN
from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.domain.ports import Notifier
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.wire.answers import StatusAnswer

BEAT_S = 10.0


async def beat(house: House, notifier: Notifier) -> None:
    """Tell status and liveness until cancelled.

    A beat needs the event loop, and a round trip through the store's writer: if either hangs, the manager's watchdog notices.
    A writer that refuses is alive: a full disk is told by an alert, and no reason to be killed.
    """
    interval_s = min(BEAT_S, notifier.watchdog_interval_s or BEAT_S)
    while True:
        with contextlib.suppress(StoreUnusable):
            await house.database.write(lambda _connection: None)
        notifier.watchdog()
        try:
            notifier.status(summary(await house.overview.status()))
        except StoreUnusable as error:
            notifier.status(error.message)
        await asyncio.sleep(interval_s)


def summary(status: StatusAnswer) -> str:
    """One line: how the models are, what is being read, what comes next."""
    bad = [model for model in status.models if model.status is not HealthStatus.HEALTHY]
    verdict = f"{len(bad)} not healthy" if bad else "all healthy"
    if any(issue.code == STATE_CANNOT_BE_WRITTEN.code for issue in status.issues):
        verdict += ", but the state cannot be written"
    parts = [f"{len(status.models)} models, {verdict}" if status.models else "no models"]
    if status.activity.reading:
        parts.append(f"reading {status.activity.reading[0].rsplit('/', 1)[-1]}, {status.activity.queued} files wait")
    upcoming = min((timer for timer in status.timers if timer.next_run), key=lambda t: str(t.next_run), default=None)
    if upcoming is not None and upcoming.next_run is not None:
        parts.append(f"next {upcoming.name.replace('-', ' ')} {upcoming.next_run:%Y-%m-%d %H:%M} UTC")
    return "; ".join(parts)
