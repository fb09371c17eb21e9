"""What it costs to judge many small files for the first time: time, processor, and transactions of the state.

    python -m tests.benchmarks.new_files --files 1000

makes a tree of small weight files that are models by themselves, and one of as many in model folders, and has each swept and
judged by the house itself, with its state on the disk. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from pathlib import Path

from msgspec import Struct

from tests.benchmarks.unchanged_sweep import rss_mib, sweep
from tests.fakes.safetensors_files import sample
from wan_healthd.blueprint import Blueprint
from wan_healthd.domain.settings import RootSettings, Settings
from wan_healthd.opening import open_house

FILE_BYTES = 200
IN_A_FOLDER = 50


class Cost(Struct, frozen=True):
    """Of the first sweep of a tree: seconds by the clock and of our own processor time, and transactions that wrote."""

    files: int
    wall_s: float
    processor_s: float
    commits: int
    rss_mib: float


def singles(root: Path, files: int) -> None:
    root.mkdir()
    for number in range(files):
        (root / f"{number:06d}.safetensors").write_bytes(sample(number, FILE_BYTES, 1))


def folders(root: Path, files: int) -> None:
    for number in range(files):
        folder = root / f"model-{number // IN_A_FOLDER:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"part-{number % IN_A_FOLDER:02d}.safetensors").write_bytes(sample(number, FILE_BYTES, 1))


async def cost_of(folder: Path, root: Path) -> Cost:
    settings, commits = Settings(roots=(RootSettings(path=str(root)),)), 0
    async with open_house(Blueprint(settings, os.fsencode(folder / f"{root.name}.db"), (), print)) as house:
        stirred = house.database.on_change

        def count() -> None:
            nonlocal commits
            commits += 1
            stirred()

        house.database.on_change = count
        began, before = time.perf_counter(), time.process_time()
        files = await sweep(house, os.fsencode(root))
        return Cost(files, time.perf_counter() - began, time.process_time() - before, commits, rss_mib())


def table(costs: dict[str, Cost]) -> str:
    lines = [f"{'new files':<12}{'files':>8}{'s':>9}{'ms/file':>9}{'cpu ms/file':>13}{'commits/file':>14}{'RSS MiB':>9}"]
    for name, cost in costs.items():
        each = max(1, cost.files)
        figures = f"{cost.wall_s:>9.2f}{cost.wall_s / each * 1e3:>9.2f}{cost.processor_s / each * 1e3:>13.2f}"
        lines.append(f"{name:<12}{cost.files:>8}{figures}{cost.commits / each:>14.2f}{cost.rss_mib:>9.0f}")
    return "\n".join(lines)


def measure(folder: Path, files: int) -> dict[str, Cost]:
    for make in (singles, folders):
        make(folder / make.__name__, files)
    time.sleep(2.5)  # what was written just now might still be written
    return {make.__name__: asyncio.run(cost_of(folder, folder / make.__name__)) for make in (singles, folders)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=1000, help="files in each tree (default: 1000)")
    parser.add_argument("--folder", default=None, help="where the trees are made (default: the temporary folder)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wan-", dir=options.folder))
    try:
        print(table(measure(folder, max(1, options.files))))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
