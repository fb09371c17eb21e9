"""How long `/v1/status` takes while a full sweep reads everything, for one client alone and for many at a time.

    python -m tests.benchmarks.status_latency --asks 1000

starts a daemon on a temporary folder with as much to read as `--megabytes` says, asks it for a full sweep, and another as soon
as one is over, and meanwhile asks for the status: each client over a connection of its own that it keeps, one question after
the other, with a pause between. Two times are taken. The server's own runs from the moment it has the bytes of a question to
the moment its answer is made (`Server-Timing`). The client's runs from the first byte of a question to the last of the answer,
and so holds what the client itself takes: with many clients in one process that is most of it. In the third row, a tenth of
the clients stalls and another tenth sends garbage. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from pathlib import Path

from msgspec import Struct

from tests.benchmarks.close_to_verdict import percentile
from tests.fakes.safetensors_files import sample
from tests.support.control import Control
from tests.support.crowd import GARBAGE, HALF_SENT, Crowd
from tests.support.daemons import Home

FILE_BYTES = 16_000_000
CROWD = 50
MULTITUDE = 500
PAUSE_S = 0.05
"""Between two questions of one client: somebody who watches asks less often still."""
ASKS_OF_MANY_A_S = 100
"""Questions a second of a multitude in all: a terminal with `--watch` asks once every two seconds."""


class Times(Struct):
    """In seconds, as the server and as the clients saw them."""

    server: list[float] = []
    client: list[float] = []


async def client(crowd: Crowd, asks: int, pause_s: float, first_s: float, times: Times) -> None:
    """One client's questions; the first comes after `first_s`, so that many do not march in step."""
    async with crowd.conversation() as say:
        await asyncio.sleep(first_s)
        for _ in range(asks):
            began = time.perf_counter()
            times.server.append(await say("/v1/status"))
            times.client.append(time.perf_counter() - began)
            await asyncio.sleep(pause_s)


async def pest(crowd: Crowd, pause_s: float) -> None:
    """A client that sends garbage, again and again, until cancelled."""
    while True:
        await crowd.send(GARBAGE)
        await asyncio.sleep(pause_s)


async def sweeping(control: Control) -> None:
    """One full sweep after the other, until cancelled."""
    while True:
        job = await asyncio.to_thread(control.post, "/v1/sweeps", {"full": True})
        await asyncio.to_thread(control.await_end, job["job"]["id"])


async def measured(home: Home, clients: int, asks: int, pause_s: float = PAUSE_S, pests: int = 0) -> Times:
    crowd, over, times = Crowd(home.socket), asyncio.Event(), Times()
    others = [asyncio.create_task(sweeping(home.control))]
    others += [asyncio.create_task(crowd.stall(HALF_SENT, over)) for _ in range(pests)]
    others += [asyncio.create_task(pest(crowd, pause_s)) for _ in range(pests)]
    try:
        turns = (number / clients * pause_s for number in range(clients))
        await asyncio.gather(*(client(crowd, max(1, asks // clients), pause_s, turn, times) for turn in turns))
        return times
    finally:
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def measure(folder: Path, asks: int, files: int, multitude: int) -> dict[str, Times]:
    home = Home(folder)
    for number in range(files):
        home.put(f"model-{number}.safetensors", sample(number, FILE_BYTES, 8))
    with home.running() as daemon:
        daemon.control.await_kind(0, "sweep-finished")
        tenth = multitude // 10
        honest = multitude - 2 * tenth
        return {
            "alone": asyncio.run(measured(home, 1, asks)),
            f"{CROWD} clients": asyncio.run(measured(home, CROWD, asks)),
            f"{multitude} clients, {2 * tenth} bad": asyncio.run(
                measured(home, honest, max(asks, 3 * honest), multitude / ASKS_OF_MANY_A_S, pests=tenth)
            ),
        }


def table(results: dict[str, Times]) -> str:
    lines = [f"{'status in a sweep, ms':<36}{'asks':>6}{'p50':>9}{'p99':>9}{'max':>9}"]
    for name, times in results.items():
        for side, taken in (("server", times.server), ("client", times.client)):
            figures = (percentile(taken, 50), percentile(taken, 99), max(taken))
            row = "".join(f"{seconds * 1e3:>9.2f}" for seconds in figures)
            lines.append(f"{name + ', ' + side:<36}{len(taken):>6}{row}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--asks", type=int, default=1000, help="questions in all, each way (default: 1000)")
    parser.add_argument("--megabytes", type=int, default=1000, help="what there is to read (default: 1000)")
    parser.add_argument("--multitude", type=int, default=MULTITUDE, help="clients of the third row (default: 500)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wan-"))
    try:
        files = max(1, options.megabytes * 1_000_000 // FILE_BYTES)
        print(table(measure(folder, max(CROWD, options.asks), files, options.multitude)))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
