"""The heartbeat: what the service manager is told, only as long as the loops that do the work are alive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from wan_healthd.assembly import House
from wan_healthd.domain.alerts import CONDITION_CLEARED, DAEMON_STUCK
from wan_healthd.domain.catalogue import STATE_CANNOT_BE_WRITTEN
from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.domain.ports import Notifier
from wan_healthd.domain.pulses import Signs, signs
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.services.alert import Alerter
from wan_healthd.services.conduct import FULL, INCREMENTAL
from wan_healthd.wire.answers import ActivityRow, StatusAnswer, SweepRow

BEAT_S = 10.0
NAME_A_FOLDER = "nothing is watched: name a folder in config.toml, with [[roots]], and reload"

CHECKS = frozenset({INCREMENTAL, FULL})
"""The timers that people wait for; looks at the disk's room come every hour."""

LONGEST_NAME = 80
"""A file's name may be long, and longer still in ASCII; what else there is to say must fit beside it."""


class BrokenInvariant(Exception):
    """Something is so that never can be; only a new start mends it."""


async def beat(house: House, notifier: Notifier) -> None:
    """Tell status and liveness until cancelled.

    A beat needs the event loop, and every loop that does the work: if one hangs, the manager is told no sign of life and its
    watchdog starts us anew. A state that refuses is alive: a full disk is told by an alert, and no reason to be killed.

    Raises:
        BrokenInvariant: waiting longer makes no sense.
    """
    interval_s = min(BEAT_S, notifier.watchdog_interval_s or BEAT_S)
    told, said, before = Signs(), "", None
    while True:
        found = signs(house.liveness.look())
        _tell(house.alerter, told, found)
        told = found
        if found.broken:
            raise BrokenInvariant(f"cannot go on: {found}")
        if found.is_alive:
            notifier.watchdog()
        if (now := _mark(house)) != before:
            said = await _status(house, interval_s)
            before = now if said else None
        notifier.status("; ".join(filter(None, (str(found), said))))
        await asyncio.sleep(interval_s)


def _mark(house: House) -> tuple[object, ...]:
    """While this stays the same there is nothing new to say: an idle daemon reads its state for nobody."""
    return house.feed.stirs, len(house.queue), house.activity.bytes_read, house.activity.reading, house.conductor.waiting


def _tell(alerter: Alerter, before: Signs, now: Signs) -> None:
    """What changed, past the ledger: it may be the state that hangs."""
    if now.broken or (now.stuck and not before.stuck):
        alerter.tell(DAEMON_STUCK, f"wan-healthd does not get on: {now}")
    elif before.stuck and not now.stuck:
        alerter.tell(CONDITION_CLEARED, "wan-healthd gets on again")


async def _status(house: House, patience_s: float) -> str:
    try:
        async with asyncio.timeout(patience_s):
            return summary(await house.overview.status())
    except StoreUnusable as error:
        return error.message
    except TimeoutError:
        return ""  # what hangs is said already, or soon


def summary(status: StatusAnswer) -> str:
    """One line: how the models are, how far the sweeps are, what is being read, what comes next."""
    verdict = _verdict([model.status for model in status.models])
    if any(issue.code == STATE_CANNOT_BE_WRITTEN.code for issue in status.issues):
        verdict += ", but the state cannot be written"
    parts = [f"{len(status.models)} models, {verdict}" if status.models else "no models" if status.watching else NAME_A_FOLDER]
    parts += [_sweep(row) for row in status.sweeps]
    if status.paused is not None:
        parts.append("sweeps are paused")
    if status.activity.reading:
        parts.append(_reading(status.activity, is_sweeping=bool(status.sweeps)))
    upcoming = min(
        ((timer.next_run, timer.name) for timer in status.timers if timer.next_run and timer.name in CHECKS), default=None
    )
    if upcoming is not None:
        parts.append(f"next {upcoming[1].replace('-', ' ')} {upcoming[0]:%Y-%m-%d %H:%M} UTC")
    return "; ".join(parts)


def _verdict(statuses: Sequence[HealthStatus]) -> str:
    unknown = statuses.count(HealthStatus.UNKNOWN)
    bad = len(statuses) - unknown - statuses.count(HealthStatus.HEALTHY)
    parts = [f"{bad} not healthy"] * bool(bad) + [f"{unknown} not known"] * bool(unknown)
    return ", ".join(parts) or "all healthy"


def _sweep(row: SweepRow) -> str:
    """By files, of those that are found so far."""
    name = row.name.replace("-", " ")
    if not row.files_found:
        return f"{name} begins"
    done = row.files_found - row.files_left
    return f"{name} {100 * done // row.files_found} %, {row.files_left} of {row.files_found} files left"


def _reading(activity: ActivityRow, *, is_sweeping: bool) -> str:
    first, *others = (path.rsplit("/", 1)[-1].encode("ascii", "backslashreplace").decode() for path in activity.reading)
    name = first if len(first) <= LONGEST_NAME else f"{first[:LONGEST_NAME]}..."
    more = f" and {len(others)} more" if others else ""
    return f"reading {name}{more}" + ("" if is_sweeping else f", {activity.queued} files wait")
