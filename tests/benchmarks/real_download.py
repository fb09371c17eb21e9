"""How soon what the hub's own client fetched is judged: followed while it grew, against read once it is there.

    python -m tests.benchmarks.real_download --megabytes 2000 --rate 300 --runs 3

serves a repository of one weight file on this machine, has `hf download` fetch it into a watched folder (into the client's
cache, or with `--local` as `--local-dir`), and lets the house itself judge it, with its state on the disk. The ways take turns:
followed, not followed and so read afterwards, and unwatched, which says what the download takes alone. The verdict is timed
from the moment at which the file has its name, and from the client's end, which may come later: then it is negative. Ratios
are taken within each round. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

from msgspec import Struct

from tests.benchmarks.followed_download import LOOK_EVERY_S, PATIENCE_S, proof_of
from tests.fakes.hub import MIB, Hub, Repository, running
from tests.fakes.safetensors_files import sample
from tests.support.hub_client import HubClient
from wan_healthd.assembly import House
from wan_healthd.blueprint import Blueprint
from wan_healthd.domain.digests import Assurance
from wan_healthd.domain.settings import RootSettings, Settings
from wan_healthd.opening import open_house

LARGEST_TENSOR_BYTES = 64 << 20
"""Python makes random bytes by way of one number, whose length is limited."""
NAME, WEIGHTS = "org/name", "wan.safetensors"
WAYS = FOLLOWED, READ, UNWATCHED = "followed", "read", "unwatched"


class Ended(Struct, frozen=True):
    """Of one download, in seconds: what the client took, and the verdict after the rename and after the client's end.

    `proof` None: nobody watched.
    """

    client_s: float
    from_rename_s: float = 0.0
    from_exit_s: float = 0.0
    proof: Assurance | None = None


class Ground(Struct, frozen=True):
    """What all downloads share. `commit` is that of the repository, `is_local`: not into the cache."""

    url: str
    commit: str
    is_local: bool
    folder: Path


def serve(size_bytes: int, rate: float, tell: Connection) -> None:
    """Be the hub, in a process of its own: where it is, and what it holds, goes through `tell`; it ends with that."""

    async def live() -> None:
        weights = sample(1, size_bytes, 4 + size_bytes // LARGEST_TENSOR_BYTES)
        repository = Repository(NAME, {"config.json": b'{"_class_name": "WanModel"}', WEIGHTS: weights})
        hub = Hub(repository)
        hub.trickles[WEIGHTS] = MIB / rate
        async with running(hub) as url:
            tell.send((url, repository.head, repository.commits[repository.head][WEIGHTS].sha256))
            while not await asyncio.to_thread(tell.poll, 1.0):
                pass

    asyncio.run(live())


async def download(house: House | None, ground: Ground, place: Path) -> Ended:
    """One download into `place`; the house judges it, if there is one."""
    command = ["download", NAME, *(("--local-dir", str(place)) if ground.is_local else ())]
    client = HubClient(ground.folder / "home", place if not ground.is_local else ground.folder / "cache", ground.url)
    final = place / WEIGHTS
    if not ground.is_local:
        final = place / f"models--{NAME.replace('/', '--')}" / "snapshots" / ground.commit / WEIGHTS
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("hf")),
        *command,
        env=client.environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    ending = asyncio.ensure_future(_ended(process))
    while not final.exists() and not ending.done():
        await asyncio.sleep(LOOK_EVERY_S)
    renamed = time.perf_counter()
    verdict, proof = renamed, None
    if house is not None:
        verdict, proof = await _judged(house, final)
    ended = await ending
    shutil.rmtree(place)
    return Ended(ended - began, verdict - renamed, verdict - ended, proof)


async def _ended(process: asyncio.subprocess.Process) -> float:
    status = await process.wait()
    if status != 0:
        raise RuntimeError(f"cannot download: `hf` ended with status {status}")
    return time.perf_counter()


async def _judged(house: House, path: Path) -> tuple[float, Assurance]:
    began = time.perf_counter()
    while (proof := await house.database.read(lambda db: proof_of(db, path))) is None:
        if time.perf_counter() - began > PATIENCE_S:
            raise TimeoutError(f"no verdict within {PATIENCE_S:g} s")
        await asyncio.sleep(LOOK_EVERY_S)
    judged = time.perf_counter()
    while len(house.queue) or house.queue.active:  # the disk is read, too, before the next one comes
        await asyncio.sleep(LOOK_EVERY_S)
    return judged, proof


async def measure(ground: Ground, runs: int) -> dict[str, list[Ended]]:
    root = ground.folder / "models"
    root.mkdir()
    settings = Settings(roots=(RootSettings(path=str(root)),))
    ended: dict[str, list[Ended]] = {way: [] for way in WAYS}
    async with open_house(Blueprint(settings, os.fsencode(ground.folder / "state.db"), (), print)) as house:
        await house.start_monitoring()
        for run in range(runs):
            for way in (*WAYS[run % 3 :], *WAYS[: run % 3]):
                house.downloads.most = 2 if way == FOLLOWED else 0
                place = (ground.folder if way == UNWATCHED else root) / f"{way}-{run}"
                ended[way].append(await download(None if way == UNWATCHED else house, ground, place))
    return ended


def table(ended: dict[str, list[Ended]]) -> str:
    lines = [f"{'a download that is':<20}{'runs':>6}{'client s':>10}{'from rename ms':>28}{'from exit ms':>28}  proof"]
    for way, runs in ended.items():
        line = f"{way:<20}{len(runs):>6}{median(run.client_s for run in runs):>10.2f}"
        if way != UNWATCHED:
            line += _spread([run.from_rename_s for run in runs]) + _spread([run.from_exit_s for run in runs])
            line += "  " + ", ".join(sorted({run.proof.value for run in runs if run.proof is not None}))
        lines.append(line)
    followed, read, alone = (ended[way] for way in WAYS)
    verdicts = [a.from_rename_s / b.from_rename_s for a, b in zip(followed, read, strict=True)]
    clients = [b.client_s / a.client_s for a, b in zip(followed, alone, strict=True)]
    lines.append(f"verdict, followed / read: {_ratio(verdicts)}")
    lines.append(f"speed of the client, followed / unwatched: {_ratio(clients)}")
    return "\n".join(lines)


def _spread(figures_s: list[float]) -> str:
    low, middle, high = (figure * 1e3 for figure in (min(figures_s), median(figures_s), max(figures_s)))
    return f"{f'{middle:.0f} ({low:.0f} .. {high:.0f})':>28}"


def _ratio(ratios: list[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f} .. {max(ratios):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=2000, help="size of the file (default: 2000)")
    parser.add_argument(
        "--rate", type=float, default=300.0, help="megabytes a second that the hub serves at most (default: 300)"
    )
    parser.add_argument("--runs", type=int, default=3, help="downloads of each kind (default: 3)")
    parser.add_argument("--local", action="store_true", help="download with --local-dir, not into the client's cache")
    parser.add_argument("--folder", default=None, help="where the files are made (default: the temporary folder)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wan-", dir=options.folder))
    ours, theirs = multiprocessing.Pipe()
    arguments = (options.megabytes * 1_000_000, options.rate * 1e6, theirs)
    hub = multiprocessing.get_context("spawn").Process(target=serve, args=arguments, daemon=True)
    hub.start()
    theirs.close()  # if the hub ends, we hear of it
    try:
        url, commit, _digest = ours.recv()
        print(table(asyncio.run(measure(Ground(url, commit, options.local, folder), max(1, options.runs)))))
    finally:
        hub.terminate()
        hub.join()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
