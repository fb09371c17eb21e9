"""The neighbourhood: what sweeps make way for, put together. A part of the composition root with a room of its own."""

from __future__ import annotations

from collections.abc import Callable

from wan_healthd.blueprint import Blueprint
from wan_healthd.digest.engine import WorkerEngine
from wan_healthd.domain.occupation import Occupation
from wan_healthd.domain.ports import Clock, Threads
from wan_healthd.host.disk_use import DiskUse
from wan_healthd.host.gpu_use import GpuUse
from wan_healthd.host.processor_use import ProcessorUse
from wan_healthd.services.at_work import AtWork
from wan_healthd.services.gpu_watch import GpuWatch
from wan_healthd.services.long_waits import LongWaits
from wan_healthd.services.pacing import Pacer
from wan_healthd.services.pause import Pauses
from wan_healthd.services.queue import WorkQueue


def pacer(
    blueprint: Blueprint,
    engine: WorkerEngine,
    queue: WorkQueue,
    pauses: Pauses,
    clock: Clock,
    threads: Threads,
    gpus: GpuUse,
    *,
    announced: Callable[[], Occupation | None],
    is_due: Callable[[], bool],
) -> Pacer:
    """Who paces sweeps, with all that it looks at; `announced` and `is_due` as in `Pacer` and `LongWaits`."""
    settings = blueprint.settings.sweep
    disks, processors = DiskUse(blueprint.roots, clock), ProcessorUse(clock)
    return Pacer(
        settings,
        engine,
        queue,
        pauses,
        clock,
        at_work=AtWork(settings.mode, clock, threads, disks.sample, processors.sample),
        gpus=GpuWatch(gpus, threads, clock, blueprint.complain),
        announced=announced,
        long_waits=LongWaits(clock, is_due, blueprint.note),
    )
