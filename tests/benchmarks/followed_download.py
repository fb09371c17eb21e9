"""How soon a download is judged once it is whole: followed while it grew, against read once it is there.

    python -m tests.benchmarks.followed_download --megabytes 200 --rate 300

writes a weight file under a name for downloads, at a steady rate, beside the digest that is published of it, renames it, and
lets the house itself judge it, with its state on the disk. Both ways take turns. Each file is new. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import shutil
import tempfile
import time
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
WAYS = ("followed", "read")


class Ended(Struct, frozen=True):
    """Of one download: how long its writer took over it, and how long its verdict after that, in seconds; and by what proof."""

    writing_s: float
    verdict_s: float
    proof: Assurance


async def download(house: House, folder: Path, content: bytes, rate: float) -> Ended:
    folder.mkdir()
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(content).hexdigest()}  w.safetensors\n")
    path = folder / "w.safetensors"
    partial = path.with_suffix(".safetensors.incomplete")
    writing_s = await asyncio.to_thread(write, partial, content, rate)
    began = time.perf_counter()
    partial.rename(path)
    while (proof := await house.database.read(lambda db: proof_of(db, path))) is None:
        if time.perf_counter() - began > PATIENCE_S:
            raise TimeoutError(f"no verdict within {PATIENCE_S:g} s")
        await asyncio.sleep(LOOK_EVERY_S)
    verdict_s = time.perf_counter() - began
    while len(house.queue) or house.queue.active:  # the disk is read, too, before the next one comes
        await asyncio.sleep(LOOK_EVERY_S)
    shutil.rmtree(folder)
    return Ended(writing_s, verdict_s, proof)


def write(path: Path, content: bytes, rate: float) -> float:
    """Seconds spent in writing alone, without the pauses that keep the rate."""
    spent, began = 0.0, time.perf_counter()
    with open(path, "wb", buffering=0) as file:
        for start in range(0, len(content), PIECE_BYTES):
            time.sleep(max(0.0, start / rate - (time.perf_counter() - began)))
            before = time.perf_counter()
            file.write(content[start : start + PIECE_BYTES])
            spent += time.perf_counter() - before
    return spent


def proof_of(connection: Connection, path: Path) -> Assurance | None:
    """By what the file is proven; None before it is judged."""
    row = connection.execute(
        "SELECT content_id FROM path JOIN content ON content.id = content_id WHERE path = ? AND sha256 IS NOT NULL",
        (os.fsencode(path),),
    ).fetchone()
    return None if row is None else contents.extents(connection, row[0])[0].assurance


async def measure(folder: Path, size_bytes: int, rate: float, runs: int) -> dict[str, list[Ended]]:
    root = folder / "models"
    root.mkdir()
    settings = Settings(roots=(RootSettings(path=str(root)),))
    ended: dict[str, list[Ended]] = {way: [] for way in WAYS}
    async with open_house(Blueprint(settings, os.fsencode(folder / "state.db"), (), print)) as house:
        await house.start_monitoring()
        for run in range(runs):
            for way in WAYS:
                house.downloads.most = 2 if way == "followed" else 0
                content = sample(run, size_bytes, 4)
                ended[way].append(await download(house, root / f"{way}-{run}", content, rate))
    return ended


def table(ended: dict[str, list[Ended]]) -> str:
    lines = [f"{'a download that is':<20}{'runs':>6}{'verdict ms':>12}{'max':>8}{'writer ms':>11}  proof"]
    for way, runs in ended.items():
        verdicts = [run.verdict_s * 1e3 for run in runs]
        proofs = ", ".join(sorted({run.proof.value for run in runs}))
        writer = median(run.writing_s for run in runs) * 1e3
        lines.append(f"{way:<20}{len(runs):>6}{median(verdicts):>12.0f}{max(verdicts):>8.0f}{writer:>11.0f}  {proofs}")
    followed, read = (median(run.verdict_s for run in ended[way]) for way in WAYS)
    lines.append(f"ratio {followed / read:.2f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=200, help="size of each file (default: 200)")
    parser.add_argument("--rate", type=float, default=300.0, help="megabytes a second that are written (default: 300)")
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
