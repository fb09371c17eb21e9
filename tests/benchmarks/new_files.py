"""What it costs to judge many small files, and to read them all again: time, processor, transactions of the state.

    python -m tests.benchmarks.new_files --files 1000

makes a tree of small weight files that are models by themselves, and one of as many in model folders, and has each swept and
judged by the house itself, with its state on the disk; then a full sweep reads all of them again. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import Struct

from tests.benchmarks.unchanged_sweep import rss_mib, sweep
from tests.fakes.safetensors_files import sample
from wan_healthd.blueprint import Blueprint
from wan_healthd.domain.settings import RootSettings, Settings
from wan_healthd.opening import open_house
from wan_healthd.services.conduct import FULL

FILE_BYTES = 200
IN_A_FOLDER = 50


class Cost(Struct, frozen=True):
    """Of one sweep of a tree: seconds by the clock and of our own processor time, and transactions that wrote."""

    files: int
    wall_s: float
    processor_s: float
    commits: int
    rss_mib: float


def singles(root: Path, files: int, file_bytes: int) -> None:
    root.mkdir()
    for number in range(files):
        (root / f"{number:06d}.safetensors").write_bytes(sample(number, file_bytes, 1))


def folders(root: Path, files: int, file_bytes: int) -> None:
    for number in range(files):
        folder = root / f"model-{number // IN_A_FOLDER:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"part-{number % IN_A_FOLDER:02d}.safetensors").write_bytes(sample(number, file_bytes, 1))


async def costs_of(folder: Path, root: Path) -> tuple[Cost, Cost]:
    """Of the first sweep, and of a full one."""
    settings, commits = Settings(roots=(RootSettings(path=str(root)),)), 0
    async with open_house(Blueprint(settings, os.fsencode(folder / f"{root.name}.db"), (), print)) as house:
        stirred = house.database.on_change

        def count() -> None:
            nonlocal commits
            commits += 1
            stirred()

        house.database.on_change = count

        async def cost(sweeping: Callable[[], Awaitable[object]]) -> Cost:
            nonlocal commits
            commits, given_out = 0, house.queue.given_out
            began, before = time.perf_counter(), time.process_time()
            await sweeping()
            wall_s, processor_s = time.perf_counter() - began, time.process_time() - before
            return Cost(house.queue.given_out - given_out, wall_s, processor_s, commits, rss_mib())

        first = await cost(lambda: sweep(house, os.fsencode(root)))
        return first, await cost(lambda: house.conductor.sweep_now(FULL))


def table(costs: dict[str, Cost]) -> str:
    lines = [f"{'small files':<16}{'files':>8}{'s':>9}{'ms/file':>9}{'cpu ms/file':>13}{'commits/file':>14}{'RSS MiB':>9}"]
    for name, cost in costs.items():
        each = max(1, cost.files)
        figures = f"{cost.wall_s:>9.2f}{cost.wall_s / each * 1e3:>9.2f}{cost.processor_s / each * 1e3:>13.2f}"
        lines.append(f"{name:<16}{cost.files:>8}{figures}{cost.commits / each:>14.2f}{cost.rss_mib:>9.0f}")
    return "\n".join(lines)


def measure(folder: Path, files: int, file_bytes: int) -> dict[str, Cost]:
    for make in (singles, folders):
        make(folder / make.__name__, files, file_bytes)
    time.sleep(2.5)  # what was written just now might still be written
    costs = {}
    for make in (singles, folders):
        costs[f"{make.__name__}, new"], costs[f"{make.__name__}, again"] = asyncio.run(costs_of(folder, folder / make.__name__))
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=1000, help="files in each tree (default: 1000)")
    parser.add_argument("--bytes", type=int, default=FILE_BYTES, help=f"of tensors in each file (default: {FILE_BYTES})")
    parser.add_argument("--folder", default=None, help="where the trees are made (default: the temporary folder)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wan-", dir=options.folder))
    try:
        print(table(measure(folder, max(1, options.files), options.bytes)))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
