"""The neighbourhood: what sweeps make way for, put together. A part of the composition root with a room of its own."""

from __future__ import annotations

from wan_healthd.blueprint import Blueprint
from wan_healthd.digest.engine import WorkerEngine
from wan_healthd.domain.ports import Clock, Threads
from wan_healthd.host.disk_use import DiskUse
from wan_healthd.services.pacing import Pacer
from wan_healthd.services.pause import Pauses
from wan_healthd.services.queue import WorkQueue


def pacer(
    blueprint: Blueprint, engine: WorkerEngine, queue: WorkQueue, pauses: Pauses, clock: Clock, threads: Threads
) -> Pacer:
    """Who paces sweeps, with all that it looks at."""
    disks = DiskUse(blueprint.roots, clock)
    return Pacer(blueprint.settings.sweep, engine, queue, pauses, clock, threads, disks.sample)
