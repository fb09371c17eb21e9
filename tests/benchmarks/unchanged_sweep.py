"""What an incremental sweep costs in which nothing changed, held against `find -printf` over the same tree.

    python -m tests.benchmarks.unchanged_sweep --files 20000 --runs 5

makes a tree of model folders (`--in-a-folder` tiny files each: three weights, the rest what a loader reads beside them), has it
swept and judged by the house itself until it is at rest, and then times by turns `find`, which prints what a fingerprint holds,
and our sweep. With `--fill`, the store is filled through its own functions, as if every file had been judged, instead of by
judging each: the first sweep of a million files takes hours.

Nothing is asserted: figures depend on the machine and on who else uses it. Processor time is told beside the time that passed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from tests.fakes.safetensors_files import sample
from wan_healthd.assembly import House
from wan_healthd.blueprint import Blueprint
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.settings import RootSettings, Settings
from wan_healthd.host.files import LocalFiles
from wan_healthd.layouts.names import role_of
from wan_healthd.opening import open_house
from wan_healthd.services.orders import Order
from wan_healthd.services.queue import Priority, Ticket
from wan_healthd.services.roster import enroll
from wan_healthd.store import contents, paths
from wan_healthd.store.connection import Connection

WEIGHTS = sample(1, 200, 1)
SUPPORT = b'{"a": 1}'
FACTS = "%p %y %s %T@ %C@ %i\\n"
"""What `find` prints of each file: its path, type, size, times and inode."""


class Cost(Struct, frozen=True):
    """Seconds: of the clock, and of the processor."""

    wall: float
    processor: float


def names(in_a_folder: int) -> Iterator[tuple[str, bytes]]:
    yield from ((f"wan-{number:05d}-of-00003.safetensors", WEIGHTS) for number in (1, 2, 3))
    yield from ((f"part-{number:02d}.json", SUPPORT) for number in range(in_a_folder - 3))


def make_tree(root: Path, files: int, in_a_folder: int) -> int:
    """Folders of folders, so that no folder holds too many of them; returns how many files there are."""
    folders = max(1, files // in_a_folder)
    for number in range(folders):
        folder = root / f"shelf-{number // 200:03d}" / f"model-{number % 200:03d}"
        folder.mkdir(parents=True)
        for name, content in names(in_a_folder):
            (folder / name).write_bytes(content)
    return folders * in_a_folder


def fill(connection: Connection, files: LocalFiles, root: bytes, folder: bytes) -> None:
    """The folder's files, as if each had been judged and found healthy."""
    now = datetime.now(UTC)
    found = [(folder + b"/" + e.name, e.look) for e in files.list_folder(root, folder).entries]
    model = Model(os.fsdecode(folder[len(root) + 1 :]), Layout.FOLDER, folder, root)
    roles = [(path, role_of(os.path.basename(path))) for path, _ in found]
    enroll(connection, model, [(path, role) for path, role in roles if role is not None], now)
    for path, look in found:
        record = paths.get(connection, path)
        if record is not None and look.identity is not None:
            content = contents.ensure(connection, look.identity)
            contents.complete(connection, content.id, sha256="0" * 64, format_name=None, packed_header=None)
            paths.judged(connection, record.id, content_id=content.id, mode=look.mode, at=now)


async def fill_all(house: House, root: bytes) -> None:
    files = LocalFiles()
    for folder in sorted(os.fsencode(path) for path in Path(os.fsdecode(root)).glob("*/*")):
        await house.database.write(lambda db, folder=folder: fill(db, files, root, folder))  # type: ignore[misc]
    files.close()


async def at_rest(house: House, root: bytes, *, is_filled: bool) -> float:
    """Everything below the root is known, and the next sweep finds nothing to do; returns how long the first one took."""
    if is_filled:
        await fill_all(house, root)
    began = time.perf_counter()
    await sweep(house, root)
    took_s = time.perf_counter() - began
    await asyncio.sleep(2.5)  # what changed just now is visited once more
    await sweep(house, root)
    await sweep(house, root)
    return took_s


async def sweep(house: House, root: bytes) -> int:
    """One incremental sweep, judged to its end; returns how many files it enqueued."""
    ticket = Ticket()
    await house.sweeper.sweep(root, root, Order(Priority.DUE), ticket)
    await ticket.wait()
    return ticket.issued


def cost_of_find(root: Path) -> Cost:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(["find", root, "-printf", FACTS], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(time.perf_counter() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


async def cost_of_sweep(house: House, root: bytes) -> Cost:
    before, began = time.process_time(), time.perf_counter()
    if await sweep(house, root):
        raise RuntimeError("something changed meanwhile")
    return Cost(time.perf_counter() - began, time.process_time() - before)


def rss_mib() -> float:
    """What this process holds of the memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def line(name: str, costs: list[Cost], files: int) -> str:
    wall, processor = (statistics.median(getattr(cost, kind) for cost in costs) for kind in ("wall", "processor"))
    return f"{name:<8}{wall:>9.3f}{wall / files * 1e6:>10.2f}{processor / files * 1e6:>14.2f}"


async def measure(folder: Path, files: int, in_a_folder: int, runs: int, *, is_filled: bool) -> None:
    root = folder / "root"
    count = make_tree(root, files, in_a_folder)
    settings = Settings(roots=(RootSettings(path=str(root)),))
    blueprint = Blueprint(settings, os.fsencode(folder / "state.db"), (), print)
    async with open_house(blueprint) as house:
        place = os.fsencode(root)
        print(f"first sweep of {count} files: {await at_rest(house, place, is_filled=is_filled):.1f} s")
        before = rss_mib()
        finds, sweeps = [], []
        for _ in range(runs):
            finds.append(cost_of_find(root))
            sweeps.append(await cost_of_sweep(house, place))
        print(f"{'':<8}{'s':>9}{'us/file':>10}{'cpu us/file':>14}")
        print(line("find", finds, count))
        print(line("sweep", sweeps, count))
        ratio = statistics.median(ours.wall / theirs.wall for ours, theirs in zip(sweeps, finds, strict=True))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"ratio {ratio:.2f}; RSS {before:.0f} MiB before, {rss_mib():.0f} MiB after, {peak:.0f} MiB at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=1000, help="files in the tree (default: 1000)")
    parser.add_argument("--in-a-folder", type=int, default=50, help="files in each folder (default: 50)")
    parser.add_argument("--runs", type=int, default=5, help="sweeps that are timed (default: 5)")
    parser.add_argument("--fill", action="store_true", help="fill the store instead of judging every file")
    parser.add_argument("--folder", default=None, help="where the tree is made (default: the temporary folder)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wan-", dir=options.folder))
    try:
        asyncio.run(measure(folder, options.files, options.in_a_folder, max(1, options.runs), is_filled=options.fill))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
