"""How long from the close of a damaged file to its event, as a client of the long-polling API sees it.

    python -m tests.benchmarks.close_to_verdict --runs 100

starts a daemon on a temporary folder and, in each run,

- truncated: writes one half of a 1 MB safetensors file under a new name and closes it;
- flipped: flips one bit of a known, intact 1 MB file in place and closes it (then puts the bit back, unmeasured).

The time runs from just before close() until a client that waits at `/v1/events?wait_s=` holds the event `finding-opened` of
that file. Nothing is asserted: figures depend on the disk, since what is judged is what the disk holds.
"""

from __future__ import annotations

import argparse
import math
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tests.fakes.safetensors_files import sample
from tests.support.control import Control
from tests.support.daemons import Home
from tests.support.damage import flip_bit

SIZE_BYTES = 1_000_000
TENSORS = 12
PAUSE_S = 0.05
"""Before each change: the client waits already, and the daemon is at rest."""

WAIT_S = 30.0
INTACT = "flipped.safetensors"


class Stopwatch:
    """Measures one close at a time, by a client in a thread that waits for the event before the file is opened."""

    def __init__(self, control: Control, client: ThreadPoolExecutor) -> None:
        self._control = control
        self._client = client

    def close_to_event(self, path: Path, mode: str, change: Callable[..., object], kind: str = "finding-opened") -> float:
        """Opens `path`, changes it, closes it; returns the seconds from the close to the event of this kind about it."""
        event = self._await(path, kind)
        time.sleep(PAUSE_S)
        with path.open(mode) as file:
            change(file)
            file.flush()
            began = time.monotonic()
        return event.result(WAIT_S) - began

    def _await(self, path: Path, kind: str) -> Future[float]:
        since = self._control.last_event()

        def wait() -> float:
            self._control.await_event(since, lambda event: event["kind"] == kind and event["path"] == str(path))
            return time.monotonic()

        return self._client.submit(wait)


def truncated(home: Home, watch: Stopwatch, runs: int) -> list[float]:
    half = sample(0, SIZE_BYTES, TENSORS)[: SIZE_BYTES // 2]
    paths = (home.models / f"truncated-{run}.safetensors" for run in range(runs))
    return [watch.close_to_event(path, "wb", lambda file: file.write(half)) for path in paths]


def flipped(home: Home, watch: Stopwatch, runs: int) -> list[float]:
    path, times = home.models / INTACT, []
    for run in range(runs):
        turn = flip_bit((run + 1) * SIZE_BYTES // (runs + 1))
        times.append(watch.close_to_event(path, "r+b", turn))
        watch.close_to_event(path, "r+b", turn, "finding-cleared")
    return times


def percentile(times: Sequence[float], percent: float) -> float:
    """By the nearest rank."""
    return sorted(times)[max(0, math.ceil(len(times) * percent / 100) - 1)]


def table(results: dict[str, list[float]]) -> str:
    lines = [f"{'close to event, ms':<20}{'runs':>6}{'p50':>9}{'p99':>9}{'max':>9}"]
    for name, times in results.items():
        figures = (percentile(times, 50), percentile(times, 99), max(times))
        lines.append(f"{name:<20}{len(times):>6}" + "".join(f"{seconds * 1e3:>9.1f}" for seconds in figures))
    return "\n".join(lines)


def measure(folder: Path, runs: int) -> dict[str, list[float]]:
    home = Home(folder)
    home.put(INTACT, sample(1, SIZE_BYTES, TENSORS))
    with home.running() as daemon, ThreadPoolExecutor(1) as client:
        daemon.control.await_kind(0, "sweep-finished")
        watch = Stopwatch(daemon.control, client)
        return {"truncated": truncated(home, watch, runs), "flipped": flipped(home, watch, runs)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=100, help="closes of each kind (default: 100)")
    runs = max(1, parser.parse_args().runs)
    folder = Path(tempfile.mkdtemp(prefix="wan-"))
    try:
        print(table(measure(folder, runs)))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
