"""What a daemon costs that has nothing to do: from its start to READY=1, then its memory, then its processor time.

    python -m tests.benchmarks.idle --folders 20000 --in-a-folder 50 --fill --seconds 60

makes a tree of model folders, lets a daemon judge it until it is at rest (or, with `--fill`, fills the store through its own
functions, as `unchanged_sweep` does), and then starts the daemon again and again, as a service manager would. Each time it is
asked how long READY=1 took. The last one is left alone until the sweep that follows each start is over and the worker process
has ended or `--lull` seconds have passed; then its processor time is taken over `--seconds`, as the scheduler counts it, and
that of the worker if there still is one. Memory is what is resident at the end.

Nothing is asserted: figures depend on the machine and on who else uses it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import psutil
from msgspec import Struct

from tests.benchmarks.unchanged_sweep import at_rest, make_tree
from tests.support.daemons import Home, RunningDaemon
from wan_healthd.blueprint import Blueprint
from wan_healthd.domain.settings import RootSettings, Settings
from wan_healthd.opening import open_house

SETTLED_S = 2.5
"""What changed within the last two seconds before a sweep is visited by the next one, too."""

CPUCLOCK_SCHED = 2
"""The kind of clock: what the scheduler counted (include/linux/posix-timers.h)."""

SWEEP_S = 600.0
"""How long a sweep may take: with a million files on a busy machine, half a minute."""


class Idle(Struct, frozen=True):
    """What the daemon and its worker cost; `worker_rss_bytes` None where there is no worker any more."""

    daemon_rss_bytes: int
    worker_rss_bytes: int | None
    processor_share: float


def ran_s(process: psutil.Process) -> float:
    """Seconds that all threads of the process have run so far, those that ended too, to the nanosecond.

    `time.clock_gettime` takes any clock, and Linux makes that of a process from its number (clock_getcpuclockid(3)).
    """
    return time.clock_gettime(~process.pid << 3 | CPUCLOCK_SCHED)


def family(daemon: RunningDaemon) -> list[psutil.Process]:
    """The daemon, and the processes that it keeps."""
    own = psutil.Process(daemon.process.pid)
    return [own, *own.children(recursive=True)]


def await_sweep(daemon: RunningDaemon, since: int) -> int:
    """Wait until a sweep is over, and return the last event's number; `since`: that of the last start."""
    until = time.monotonic() + SWEEP_S
    while not any(event["kind"] == "sweep-finished" for event in daemon.control.events(since, wait_s=1.0)):
        if time.monotonic() > until:
            raise RuntimeError(f"no sweep ended within {SWEEP_S:g} s; the daemon said:\n{daemon.said()}")
    return daemon.control.last_event()


def await_end_of_worker(daemon: RunningDaemon, lull_s: float) -> None:
    """Wait for it no longer than `lull_s`."""
    until = time.monotonic() + lull_s
    while len(family(daemon)) > 1 and time.monotonic() < until:
        time.sleep(0.2)


def idle_cost(daemon: RunningDaemon, seconds: float) -> Idle:
    processes = family(daemon)
    before, began = [ran_s(process) for process in processes], time.monotonic()
    time.sleep(seconds)
    passed_s = time.monotonic() - began
    spent_s = sum(ran_s(process) - then for process, then in zip(processes, before, strict=True) if process.is_running())
    own, *others = (process.memory_info().rss for process in processes if process.is_running())
    return Idle(own, sum(others) if others else None, spent_s / passed_s)


def fill(home: Home) -> None:
    """As if a daemon had judged every file."""

    async def settle() -> None:
        blueprint = Blueprint(Settings(roots=(RootSettings(path=str(home.models)),)), os.fsencode(home.database), (), print)
        async with open_house(blueprint) as house:
            await at_rest(house, os.fsencode(home.models), is_filled=True)

    home.database.parent.mkdir(parents=True)
    asyncio.run(settle())


def measure(home: Home, starts: int, seconds: float, lull_s: float) -> tuple[list[float], Idle]:
    """Seconds to READY=1 of each start, and what the last one costs then.

    A daemon comes before these: its sweep finds everything at rest, or judges it.
    """
    ready: list[float] = []
    last = 0
    while True:
        began = time.monotonic()
        with home.running() as daemon:
            ready.append(time.monotonic() - began)
            last = await_sweep(daemon, last)
            if len(ready) > starts:
                await_end_of_worker(daemon, lull_s)
                return ready[1:], idle_cost(daemon, seconds)


def table(ready: list[float], idle: Idle, folders: int) -> str:
    worker = "ended" if idle.worker_rss_bytes is None else f"{idle.worker_rss_bytes / (1 << 20):.0f} MiB"
    return "\n".join(
        (
            f"start to READY   {statistics.median(ready) * 1e3:.0f} ms ({min(ready) * 1e3:.0f} to {max(ready) * 1e3:.0f})",
            f"daemon's RSS     {idle.daemon_rss_bytes / (1 << 20):.1f} MiB with {folders} folders",
            f"worker's RSS     {worker}",
            f"processor        {idle.processor_share:.4%}",
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folders", type=int, default=4, help="model folders in the tree (default: 4)")
    parser.add_argument("--in-a-folder", type=int, default=5, help="files in each (default: 5)")
    parser.add_argument("--fill", action="store_true", help="fill the store instead of judging every file")
    parser.add_argument("--starts", type=int, default=3, help="starts that are timed (default: 3)")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long it is watched at rest (default: 10)")
    parser.add_argument(
        "--lull", type=float, default=90.0, help="seconds in which the worker may end before that (default: 90)"
    )
    parser.add_argument("--folder", default=None, help="where all of it is made (default: the temporary folder)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wan-", dir=options.folder))
    try:
        home = Home(folder)
        make_tree(home.models, options.folders * options.in_a_folder, options.in_a_folder)
        time.sleep(SETTLED_S)
        if options.fill:
            fill(home)
        print(table(*measure(home, max(1, options.starts), options.seconds, options.lull), options.folders))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
