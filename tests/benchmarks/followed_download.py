"""How soon a download is judged once it is whole: followed while it grew, against read once it is there.

    python -m tests.benchmarks.followed_download --megabytes 200 --rate 300

has another process write a weight file under a name for downloads, at a steady rate (0: as fast as it can), beside the digest
that is published of it, and rename it, and lets the house itself judge it, with its state on the disk. The ways take turns:
followed, not followed and so read afterwards, and alone, where nobody watches. Each file is new. Ratios are taken within each
round: of the verdict's time from the rename, of the writer's speed from its first byte to the rename, and of its speed within
its calls of write(2) alone. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from statistics import median

from msgspec import Struct

from tests.fakes.safetensors_files import sample
from wan_healthd.assembly import House
from wan_healthd.blueprint import Blueprint
from wan_healthd.domain.digests import Assurance
from wan_healthd.domain.settings import RootSettings, Settings
from wan_healthd.opening import open_house
from wan_healthd.store import contents
from wan_healthd.store.connection import Connection

PIECE_BYTES = 4 << 20
LOOK_EVERY_S = 0.002
PATIENCE_S = 60.0
WAYS = FOLLOWED, READ, ALONE = "followed", "read", "alone"


class Written(Struct, frozen=True):
    """Seconds from the first byte to the rename, seconds of these within write(2), and when it was renamed, by the clock."""

    whole_s: float
    calls_s: float
    renamed_at_s: float


class Ended(Struct, frozen=True):
    """Of one download: its writer's times, how long its verdict took after that, in seconds, and by what proof, if any."""

    written: Written
    verdict_s: float = 0.0
    proof: Assurance | None = None


async def download(house: House | None, folder: Path, source: Path, rate: float, writers: Executor) -> Ended:
    folder.mkdir()
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(source.read_bytes()).hexdigest()}  w.safetensors\n")
    path = folder / "w.safetensors"
    written = await asyncio.get_running_loop().run_in_executor(writers, write, path, source, rate)
    judged = Ended(written) if house is None else await judge(house, path, written)
    shutil.rmtree(folder)
    return judged


async def judge(house: House, path: Path, written: Written) -> Ended:
    began = time.perf_counter()
    while (proof := await house.database.read(lambda db: proof_of(db, path))) is None:
        if time.perf_counter() - began > PATIENCE_S:
            raise TimeoutError(f"no verdict within {PATIENCE_S:g} s")
        await asyncio.sleep(LOOK_EVERY_S)
    verdict_s = time.monotonic() - written.renamed_at_s
    while len(house.queue) or house.queue.active:  # the disk is read, too, before the next one comes
        await asyncio.sleep(LOOK_EVERY_S)
    return Ended(written, verdict_s, proof)


def write(path: Path, source: Path, rate: float) -> Written:
    """In a process of its own, which waits for nobody's interpreter. A piece is in the processor's cache, as if received."""
    content, calls_s, began = memoryview(source.read_bytes()), 0.0, time.monotonic()
    partial = path.with_suffix(".safetensors.incomplete")
    with open(partial, "wb", buffering=0) as file:
        for start in range(0, len(content), PIECE_BYTES):
            time.sleep(max(0.0, start / rate - (time.monotonic() - began)) if rate else 0.0)
            piece = bytes(content[start : start + PIECE_BYTES])
            before = time.monotonic()
            file.write(piece)
            calls_s += time.monotonic() - before
    partial.rename(path)
    ended = time.monotonic()
    return Written(ended - began, calls_s, ended)


def proof_of(connection: Connection, path: Path) -> Assurance | None:
    """By what the file is proven; None before it is judged."""
    row = connection.execute(
        "SELECT content_id FROM path JOIN content ON content.id = content_id WHERE path = ? AND sha256 IS NOT NULL",
        (os.fsencode(path),),
    ).fetchone()
    return None if row is None else contents.extents(connection, row[0])[0].assurance


async def measure(folder: Path, size_bytes: int, rate: float, runs: int) -> dict[str, list[Ended]]:
    root, source = folder / "models", folder / "source"
    root.mkdir()
    settings = Settings(roots=(RootSettings(path=str(root)),))
    ended: dict[str, list[Ended]] = {way: [] for way in WAYS}
    blueprint = Blueprint(settings, os.fsencode(folder / "state.db"), (), print)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as writers:
        async with open_house(blueprint) as house:
            await house.start_monitoring()
            for run in range(runs):
                source.write_bytes(sample(run, size_bytes, 4))
                os.sync()  # who comes first shall not pay for it
                for way in (*WAYS[run % 3 :], *WAYS[: run % 3]):
                    house.downloads.most = 2 if way == FOLLOWED else 0
                    parent, judge = (folder, None) if way == ALONE else (root, house)
                    ended[way].append(await download(judge, parent / f"{way}-{run}", source, rate, writers))
    return ended


def table(ended: dict[str, list[Ended]]) -> str:
    lines = [f"{'a download that is':<20}{'runs':>6}{'verdict ms':>12}{'max':>8}{'writer ms':>11}{'write(2)':>10}  proof"]
    for way, runs in ended.items():
        verdicts = [run.verdict_s * 1e3 for run in runs]
        proofs = ", ".join(sorted({run.proof.value for run in runs if run.proof is not None})) or "-"
        whole, calls = (
            median(times) * 1e3 for times in zip(*((r.written.whole_s, r.written.calls_s) for r in runs), strict=True)
        )
        lines.append(
            f"{way:<20}{len(runs):>6}{median(verdicts):>12.0f}{max(verdicts):>8.0f}{whole:>11.0f}{calls:>10.0f}  {proofs}"
        )
    followed, read, alone = (ended[way] for way in WAYS)
    lines.append(f"verdict, followed / read: {ratio(followed, read, lambda run: run.verdict_s)}")
    lines.append(f"writer's speed, followed / alone: {ratio(alone, followed, lambda run: run.written.whole_s)}")
    lines.append(f"its speed in write(2), followed / alone: {ratio(alone, followed, lambda run: run.written.calls_s)}")
    return "\n".join(lines)


def ratio(some: list[Ended], others: list[Ended], of: Callable[[Ended], float]) -> str:
    """The median of the rounds' own ratios, and their spread."""
    ratios = [of(one) / of(other) for one, other in zip(some, others, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f} .. {max(ratios):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=200, help="size of each file (default: 200)")
    parser.add_argument(
        "--rate", type=float, default=300.0, help="megabytes a second that are written (default: 300; 0: no limit)"
    )
    parser.add_argument("--runs", type=int, default=3, help="downloads of each kind (default: 3)")
    parser.add_argument("--folder", default=None, help="where the files are made (default: the temporary folder)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wan-", dir=options.folder))
    try:
        print(table(asyncio.run(measure(folder, options.megabytes * 1_000_000, options.rate * 1e6, max(1, options.runs)))))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
