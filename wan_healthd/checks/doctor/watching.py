"""Watching: do the limits suffice, and what is only polled?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from wan_healthd.checks.doctor.cures import sysctl
from wan_healthd.domain.amounts import duration_text
from wan_healthd.domain.doctor import Diagnosis, idle, ok, problem, warning
from wan_healthd.domain.paths import display
from wan_healthd.domain.vitals import InotifyLimits
from wan_healthd.domain.watching import RootWatch, WatchMode

INOTIFY, WATCHING = "inotify", "watching"
WATCHES_KEY, QUEUE_KEY, INSTANCES_KEY = (
    "fs.inotify.max_user_watches",
    "fs.inotify.max_queued_events",
    "fs.inotify.max_user_instances",
)
ROOMY = 524_288
SHORT_QUEUE, USUAL_QUEUE = 4096, 16_384
FEW_INSTANCES, USUAL_INSTANCES = 16, 128
FILLING = 0.8


class Watched(Struct, frozen=True):
    """One root: how far its watching reaches, and which of its folders are polled."""

    report: RootWatch
    mode: WatchMode
    polled: tuple[bytes, ...]
    poll_every_s: float


def limits(found: InotifyLimits, watched: Sequence[Watched]) -> Diagnosis:
    """The kernel's limits against what is watched."""
    used, lacking = sum(item.report.folders for item in watched), sum(item.report.unwatched for item in watched)
    refusals = {item.report.errno_name for item in watched}
    if found.watches is None:
        return warning(
            INOTIFY, "the limits cannot be read from /proc/sys/fs/inotify", "let the daemon see /proc (ProcSubset=all)"
        )
    told = f"{used} watches used, {found.watches} may be"
    if "ENOSPC" in refusals or "EMFILE" in refusals:
        key = WATCHES_KEY if "ENOSPC" in refusals else INSTANCES_KEY
        enough = max(ROOMY, 2 * (used + lacking)) if key == WATCHES_KEY else USUAL_INSTANCES * 4
        return problem(INOTIFY, f"{told}: {lacking} folders are not watched, and are polled instead", sysctl(key, enough))
    if used > found.watches * FILLING:
        return warning(INOTIFY, f"{told}: soon no further folder can be watched", sysctl(WATCHES_KEY, max(ROOMY, 2 * used)))
    return _others(found) or ok(INOTIFY, f"{told}; {found.queued_events} events may wait")


def _others(found: InotifyLimits) -> Diagnosis | None:
    if found.queued_events is not None and found.queued_events < SHORT_QUEUE:
        return warning(
            INOTIFY,
            f"only {found.queued_events} events may wait: storms of changes are lost, and made good for by sweeps",
            sysctl(QUEUE_KEY, USUAL_QUEUE),
        )
    if found.instances is not None and found.instances < FEW_INSTANCES:
        return warning(
            INOTIFY, f"a user may have only {found.instances} inotify instances", sysctl(INSTANCES_KEY, USUAL_INSTANCES)
        )
    return None


def roots(watched: Sequence[Watched]) -> Iterator[Diagnosis]:
    """Of each root, how changes below it are noticed."""
    for item in watched:
        yield _one(item, display(item.report.root))


def _one(item: Watched, shown: str) -> Diagnosis:
    every = f"every {duration_text(item.poll_every_s)}"
    if item.mode is WatchMode.POLL:
        return ok(WATCHING, f"looked at again {every}, as configured", shown)
    if item.report.unwatched or not item.report.is_whole:
        return warning(
            WATCHING,
            f"{item.report.unwatched or 'some'} folders are not watched ({item.report.errno_name}); looked at again {every}",
            "see `inotify` and `root` above; what could not be watched is tried again by itself",
            shown,
        )
    if item.report.root in item.polled and not item.report.eventless:
        return warning(
            WATCHING, f"not watched now; looked at again {every}", "see `root` above; it is tried again by itself", shown
        )
    if item.report.eventless:
        place = item.report.eventless[0]
        return ok(WATCHING, f"{len(item.polled)} of its folders {every}, since it is {place.kind}: {place.why}", shown)
    if not item.report.folders:
        return idle(WATCHING, "nothing is watched: the monitoring was not started", shown)
    return ok(WATCHING, f"{item.report.folders} folders are watched", shown)
