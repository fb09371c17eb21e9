"""How fast content is read and digested, what that costs, and what it leaves in the page cache.

    python -m tests.benchmarks.disk_reading --megabytes 2048 --runs 5 --folder /var/tmp

makes two files of random bytes and, by turns in each round, reads them past the page cache without hashing (8 threads, each
4 MiB at a time: the reference "raw"), hashes the like in memory, has the digest engine scrub them (BLAKE3 of blocks) and read
them for the first time (SHA-256 and blocks), and lets a naive loop and whichever of b3sum, openssl and sha256sum is installed
read one of them cold; fio is a second opinion on "raw", by its own clock, and cp makes a plain copy. A third file is in memory
all the while: "hot" is how much of it each of them leaves there. Ratios are taken within each round, since disk and neighbours
change; a first read is held against raw or against SHA-256 in memory, whichever is slower, and two first reads against raw or
both digests of two files in memory.

Nothing is asserted: figures depend on the disk, the processor, and who else uses them. In a virtual machine "raw" may be the
host's memory, faster than any disk: two first reads then end at the processor.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import itertools
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psutil
from blake3 import blake3
from msgspec import Struct

from tests.benchmarks.references import (
    RAW_BYTES,
    Timed,
    copy,
    hash_memory,
    hash_two_in_memory,
    read_naively,
    read_raw,
    run_fio,
    run_peer,
)
from tests.support.residency import chill, resident_bytes, warm
from wan_healthd.digest.engine import WorkerEngine
from wan_healthd.domain.digests import BLOCK_BYTES, Algorithm
from wan_healthd.domain.ports import ReadMode, ReadRequest

IN_MEMORY_BYTES = 64 << 20
SMALL_BYTES, SMALL_READS = 4096, 200
BLOCKS = (Algorithm.BLAKE3_1M,)
BOTH = (Algorithm.SHA256, Algorithm.BLAKE3_1M)
PEERS = (("b3sum", "b3sum"), ("openssl", "openssl dgst -sha256"), ("sha256sum", "sha256sum"))
MEMORY_BLAKE3, MEMORY_SHA256, MEMORY_BOTH = "BLAKE3 in memory", "SHA-256 in memory", "both, 2 x in memory"
RAW = "raw"
HOT_BYTES = 32 << 20


class Cost(Struct, frozen=True):
    """One turn: bytes, seconds of the clock and of the processor; bytes, and the share of the hot file, left in memory."""

    size_bytes: int
    wall_s: float
    processor_s: float
    cached_bytes: int
    hot: float

    @property
    def rate(self) -> float:
        """MB/s."""
        return self.size_bytes / self.wall_s / 1e6


class Contestant(Struct, frozen=True):
    """`work` reads `paths`, or hashes in memory if there are none; `against`: the slowest of these is its reference."""

    name: str
    work: Callable[[], Awaitable[int | Timed]]
    paths: tuple[Path, ...] = ()
    against: tuple[str, ...] = (RAW,)


async def digest(engine: WorkerEngine, paths: Sequence[Path], algorithms: tuple[Algorithm, ...], mode: ReadMode) -> int:
    """All at once, by the engine; returns the bytes."""
    with ExitStack() as opened:
        files = [opened.enter_context(path.open("rb")) for path in paths]
        requests = [ReadRequest(path.stat().st_size, algorithms, mode) for path in paths]
        reads = [engine.read(file.fileno(), request, lambda run: None) for file, request in zip(files, requests, strict=True)]
        outcomes = await asyncio.gather(*reads)
    return sum(outcome.bytes_read for outcome in outcomes)


def processor_s(worker: psutil.Process) -> float:
    """Of us, our finished children, and the worker."""
    ours = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    theirs = worker.cpu_times()
    return sum(used.ru_utime + used.ru_stime for used in ours) + theirs.user + theirs.system


async def take_turn(contestant: Contestant, hot: Path, worker: psutil.Process) -> Cost:
    for path in contestant.paths:
        chill(path)
    warm(hot, 0, hot.stat().st_size)
    before, began = processor_s(worker), time.perf_counter()
    done = await contestant.work()
    wall_s, used_s = time.perf_counter() - began, processor_s(worker) - before
    size_bytes, wall_s = done if isinstance(done, Timed) else (done, wall_s)
    cached_bytes = sum(resident_bytes(path) for path in contestant.paths)
    return Cost(size_bytes, wall_s, used_s, cached_bytes, resident_bytes(hot) / hot.stat().st_size)


def in_thread(work: Callable[[], int | Timed]) -> Callable[[], Awaitable[int | Timed]]:
    return lambda: asyncio.to_thread(work)


def contestants(engine: WorkerEngine, one: Path, other: Path, mode: ReadMode) -> list[Contestant]:
    memory = memoryview(os.urandom(min(IN_MEMORY_BYTES, one.stat().st_size)))
    sha256, single, both = hashlib.sha256(), (one,), (one, other)
    slowest = (RAW, MEMORY_SHA256)
    peers = [(name, command) for name, command in PEERS if shutil.which(name)]
    fio = [Contestant("raw, by fio", in_thread(partial(run_fio, one)), single)] if shutil.which("fio") else []
    return [
        Contestant(RAW, in_thread(partial(read_raw, one)), single),
        *fio,
        Contestant(MEMORY_SHA256, in_thread(partial(hash_memory, memory, RAW_BYTES, sha256.update))),
        Contestant(MEMORY_BLAKE3, in_thread(partial(hash_memory, memory, BLOCK_BYTES, lambda data: blake3(data).digest()))),
        Contestant(MEMORY_BOTH, in_thread(partial(hash_two_in_memory, memory))),
        Contestant("scrub", partial(digest, engine, single, BLOCKS, mode), single),
        Contestant("scrub, 2 files", partial(digest, engine, both, BLOCKS, mode), both),
        Contestant("first read", partial(digest, engine, single, BOTH, mode), single, slowest),
        Contestant("first read, 2 files", partial(digest, engine, both, BOTH, mode), both, (RAW, MEMORY_BOTH)),
        Contestant("naive SHA-256", in_thread(partial(read_naively, one)), single, slowest),
        *(Contestant(command, in_thread(partial(run_peer, command, one)), single) for _, command in peers),
        Contestant("cp", in_thread(partial(copy, one)), single),
    ]


def line(contestant: Contestant, rounds: Sequence[dict[str, Cost]]) -> str:
    costs = [costs[contestant.name] for costs in rounds]
    rates = [cost.rate for cost in costs]
    ratios = [own.rate / min(turn[name].rate for name in contestant.against) for own, turn in zip(costs, rounds, strict=True)]
    processor = statistics.median(cost.processor_s / cost.size_bytes * 1e9 for cost in costs)
    spread = (max(rates) - min(rates)) / statistics.median(rates) * 100
    figures = f"{statistics.median(rates):>9.0f}{max(rates):>8.0f}{spread:>8.0f} %"
    cached = f"{max(cost.cached_bytes for cost in costs) / 1e6:>10.1f}" if contestant.paths else f"{'-':>10}"
    cached += f"{min(cost.hot for cost in costs) * 100:>6.0f} %"
    return f"{contestant.name:<22}{figures}{statistics.median(ratios):>8.2f}{max(ratios):>8.2f}{processor:>9.2f}{cached}"


async def small_read_ms(engine: WorkerEngine, folder: Path, mode: ReadMode) -> float:
    """The median of first reads of a file of 4 KiB, in milliseconds."""
    path = folder / "small"
    path.write_bytes(os.urandom(SMALL_BYTES))
    chill(path)
    times = []
    for _ in range(SMALL_READS):
        began = time.perf_counter()
        await digest(engine, (path,), BOTH, mode)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3


def make(path: Path, size_bytes: int) -> Path:
    with path.open("wb") as file:
        for start in range(0, size_bytes, IN_MEMORY_BYTES):
            file.write(os.urandom(min(IN_MEMORY_BYTES, size_bytes - start)))
    return path


def chosen(field: Sequence[Contestant], names: Sequence[str]) -> list[Contestant]:
    """Those of these names, and what they are held against; all where none is named.

    Raises:
        SystemExit: nobody has one of the names, or is installed.
    """
    if unknown := set(names) - {entry.name for entry in field}:
        raise SystemExit(f"cannot measure {', '.join(sorted(unknown))}: choose from {'; '.join(entry.name for entry in field)}")
    needed = {RAW, *(name for entry in field if entry.name in names for name in (entry.name, *entry.against))}
    return [entry for entry in field if not names or entry.name in needed]


async def measure(folder: Path, size_bytes: int, runs: int, mode: ReadMode, names: Sequence[str]) -> None:
    one, other = (make(folder / name, size_bytes) for name in ("one", "other"))
    hot = make(folder / "hot", min(HOT_BYTES, size_bytes))
    engine = WorkerEngine(on_lost=print)
    try:
        small_ms = await small_read_ms(engine, folder, mode)  # also starts the worker
        worker = psutil.Process(engine.pid)
        field = chosen(contestants(engine, one, other, mode), names)
        rounds = [{entry.name: await take_turn(entry, hot, worker) for entry in field} for _ in itertools.repeat(None, runs)]
        peak = next(text for text in Path(f"/proc/{worker.pid}/status").read_text().splitlines() if "VmHWM" in text)
    finally:
        await engine.close()
    print(f"{'':<22}{'MB/s':>9}{'best':>8}{'spread':>10}{'ratio':>8}{'best':>8}{'cpu s/GB':>9}{'cached MB':>10}{'hot':>8}")
    for entry in field:
        print(line(entry, rounds))
    absent = [name for name in ("fio", *(name for name, _ in PEERS)) if not shutil.which(name)]
    if absent:
        print(f"not installed: {', '.join(absent)}")
    print(f"a file of 4 KiB: {small_ms:.2f} ms; the worker held {int(peak.split()[1]) / 1e3:.0f} MB at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=256, help="size of each of the two files (default: 256)")
    parser.add_argument("--runs", type=int, default=3, help="rounds (default: 3)")
    parser.add_argument("--mode", type=ReadMode, default=ReadMode.FULL, help="full, polite or idle (default: full)")
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="contestants, as in the table (default: all)")
    parser.add_argument("--folder", default=None, help="where the files are made (default: the temporary folder)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wan-", dir=options.folder))
    try:
        asyncio.run(measure(folder, max(1, options.megabytes) << 20, max(1, options.runs), options.mode, options.only))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
