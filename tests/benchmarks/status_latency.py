"""How long `/v1/status` takes while a full sweep reads everything, for one client alone and for 50 at a time.

    python -m tests.benchmarks.status_latency --asks 1000

starts a daemon on a temporary folder with as much to read as `--megabytes` says, asks it for a full sweep, and another as soon
as one is over, and meanwhile asks for the status: each client over a connection of its own that it keeps, one question after
the other, with a pause between them. The time runs from the first byte of a question to the last of its answer, and so holds
what the client itself takes: with 50 clients in one process that is most of it. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from pathlib import Path

from tests.benchmarks.close_to_verdict import percentile
from tests.fakes.safetensors_files import sample
from tests.support.control import Control
from tests.support.crowd import Crowd
from tests.support.daemons import Home

FILE_BYTES = 16_000_000
CROWD = 50
PAUSE_S = 0.05
"""Between two questions of one client: somebody who watches asks less often still."""


async def client(crowd: Crowd, asks: int) -> list[float]:
    """The times of one client, in seconds."""
    times: list[float] = []
    async with crowd.conversation() as say:
        for _ in range(asks):
            began = time.perf_counter()
            await say("/v1/status")
            times.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE_S)
    return times


async def sweeping(control: Control) -> None:
    """One full sweep after the other, until cancelled."""
    while True:
        job = await asyncio.to_thread(control.post, "/v1/sweeps", {"full": True})
        await asyncio.to_thread(control.await_end, job["job"]["id"])


async def measured(home: Home, clients: int, asks: int) -> list[float]:
    sweeps = asyncio.create_task(sweeping(home.control))
    try:
        crowd = Crowd(home.socket)
        times = await asyncio.gather(*(client(crowd, asks // clients) for _ in range(clients)))
        return [taken for of_one in times for taken in of_one]
    finally:
        sweeps.cancel()


def measure(folder: Path, asks: int, files: int) -> dict[str, list[float]]:
    home = Home(folder)
    for number in range(files):
        home.put(f"model-{number}.safetensors", sample(number, FILE_BYTES, 8))
    with home.running() as daemon:
        daemon.control.await_kind(0, "sweep-finished")
        return {
            name: asyncio.run(measured(home, clients, asks)) for name, clients in (("alone", 1), (f"{CROWD} clients", CROWD))
        }


def table(results: dict[str, list[float]]) -> str:
    lines = [f"{'status in a sweep, ms':<24}{'asks':>6}{'p50':>9}{'p99':>9}{'max':>9}"]
    for name, times in results.items():
        figures = (percentile(times, 50), percentile(times, 99), max(times))
        lines.append(f"{name:<24}{len(times):>6}" + "".join(f"{seconds * 1e3:>9.2f}" for seconds in figures))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--asks", type=int, default=1000, help="questions in all, each way (default: 1000)")
    parser.add_argument("--megabytes", type=int, default=1000, help="what there is to read (default: 1000)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wan-"))
    try:
        files = max(1, options.megabytes * 1_000_000 // FILE_BYTES)
        print(table(measure(folder, max(CROWD, options.asks), files)))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
