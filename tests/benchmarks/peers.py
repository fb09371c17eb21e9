"""Checkers of files side by side: how long each takes over two files that it knows, what that leaves, and what it notices.

    python -m tests.benchmarks.peers --megabytes 512 --runs 3 --folder /var/tmp

makes two weight files, lets every checker that is installed learn them, and then, by turns in each round, has each of them look
whether they are still the same, cold. "raw" are direct reads of both by 8 threads, without hashing. Ratios are of times, taken
within each round.

Then small files are damaged in turn, and each checker is asked: one bit is flipped and the old mtime put back; one bit is
flipped and the file touched; one bit is flipped on the disk beneath pages that are in memory; the disk refuses a sector. What
was only touched, with all its bytes intact, should alarm nobody. The last two need root, for a loop device. Nothing is
asserted. A word is that of the exit status; a "warning" stands only in what was printed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from msgspec import Struct

from tests.benchmarks.references import read_raw
from tests.fakes.safetensors_files import sample
from tests.support.bad_disk import bad_disk
from tests.support.checkers import Checker, Word, absent, installed
from tests.support.damage import edit, flip_bit
from tests.support.residency import chill, resident_bytes, warm
from tests.support.rotting_disk import Disk, mounted, run, unmount

RAW = "raw"
NAMES = ("one.safetensors", "two.safetensors")
TENSORS = 16
SMALL_BYTES = 4_000_000
SECTOR_BYTES = 4096
AT = SMALL_BYTES // 2
CASES = ("only touched", "flipped, mtime back", "flipped, touched", "beneath cache", "sector refused")


Said = dict[str, dict[str, Word]]
"""By checker and case."""


class Cost(Struct, frozen=True):
    """One look at both files: seconds, and bytes that stayed in the page cache."""

    wall_s: float
    cached_bytes: int


def make(folder: Path, size_bytes: int) -> list[Path]:
    """Both files."""
    folder.mkdir()
    paths = [folder / name for name in NAMES]
    for seed, path in enumerate(paths):
        path.write_bytes(sample(seed, size_bytes, TENSORS))
    return paths


@contextmanager
def learnt(own: Path, paths: Sequence[Path], only: Collection[str]) -> Iterator[dict[Checker, Path]]:
    """Each checker with a folder of its own, beside the files' folder, in which it knows these very files."""
    own.mkdir()
    with installed(own, paths[0].parent) as checkers:
        folders = {}
        for checker in (checker for checker in checkers if not only or checker.name in only):
            folder = folders[checker] = paths[0].parent.with_name(checker.name.replace(" ", "-"))
            folder.mkdir()
            for path in paths:
                (folder / path.name).hardlink_to(path)
            checker.learn(folder)
        yield folders


def looked(checker: Checker, folder: Path) -> None:
    if checker.check(folder) is not Word.SILENT:
        raise RuntimeError(f"{checker.name} finds fault with files that are sound")


def race(folder: Path, size_bytes: int, runs: int, only: Collection[str]) -> dict[str, list[Cost]]:
    """By turns; the first is the reference."""
    paths = make(folder / "files", size_bytes)
    with learnt(folder / "memories", paths, only) as folders:
        turns: dict[str, Callable[[], object]] = {RAW: lambda: [read_raw(path) for path in paths]}
        turns |= {checker.name: partial(looked, checker, place) for checker, place in folders.items()}
        costs: dict[str, list[Cost]] = {name: [] for name in turns}
        for _ in range(runs):
            for name, turn in turns.items():
                for path in paths:
                    chill(path)
                began = time.perf_counter()
                turn()
                costs[name].append(Cost(time.perf_counter() - began, sum(map(resident_bytes, paths))))
    return costs


def trial(folder: Path, only: Collection[str]) -> Said:
    """What each says in each case, by its name; why a case was not tried, for all."""
    folder.mkdir()
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(mounted(folder))
        except pytest.skip.Exception as reason:
            print(f"not tried: {CASES[3]}, {CASES[4]}: {reason}")
            paths = make(folder / "files", SMALL_BYTES)
            with learnt(folder / "memories", paths, only) as folders:
                return asked(folders, written(paths[0]))
        paths = make(disk.mount / "files", SMALL_BYTES)
        folders = stack.enter_context(learnt(folder / "memories", paths, only))
        said = asked(folders, written(paths[0]))
        said = joined(said, asked(folders, rotten(disk, paths[0])))
        place = disk.place(paths[0], AT)
        try:
            return joined(said, asked(folders, refusing(disk, folder / "server", range(place, place + SECTOR_BYTES))))
        except pytest.skip.Exception as reason:
            print(f"not tried: {CASES[4]}: {reason}")
            return said


def asked(folders: Mapping[Checker, Path], cases: Iterator[str]) -> Said:
    said: Said = {checker.name: {} for checker in folders}
    for case in cases:
        for checker, folder in folders.items():
            said[checker.name][case] = checker.check(folder)
    return said


def joined(one: Said, other: Said) -> Said:
    return {name: {**said, **other[name]} for name, said in one.items()}


def written(path: Path) -> Iterator[str]:
    """What somebody does to a file; the case is there while its name is asked about."""
    before = path.stat()
    path.touch()
    yield CASES[0]
    edit(path, flip_bit(AT), keep_mtime=True)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    yield CASES[1]
    path.touch()
    yield CASES[2]
    edit(path, flip_bit(AT))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def rotten(disk: Disk, path: Path) -> Iterator[str]:
    """The disk changes a bit by itself, of a file that is in memory."""
    chill(path)
    warm(path, 0, SMALL_BYTES * 2)
    disk.flip(path, AT)
    yield CASES[3]
    disk.flip(path, AT)


def refusing(disk: Disk, server: Path, bad: range) -> Iterator[str]:
    """The same file system, mounted over itself from a disk that refuses one sector of a file."""
    run("fsfreeze", "--freeze", disk.mount)  # then nothing of it is only in the journal
    image = disk.image.read_bytes()
    run("fsfreeze", "--unfreeze", disk.mount)
    with bad_disk(server, {disk.image.name: image}, bad) as failing:
        run("mount", "-o", "ro,noload,loop", failing.point / disk.image.name, disk.mount)
        try:
            yield CASES[4]
        finally:
            unmount(disk.mount)


def race_table(costs: Mapping[str, Sequence[Cost]], size_bytes: int) -> str:
    lines = [f"{'two known files, cold':<22}{'s':>8}{'MB/s':>8}{'x raw':>8}{'best':>8}{'spread':>9}{'cached':>9}"]
    for name, turns in costs.items():
        times = [turn.wall_s for turn in turns]
        ratios = [turn.wall_s / raw.wall_s for turn, raw in zip(turns, costs[RAW], strict=True)]
        spread = (max(times) - min(times)) / statistics.median(times) * 100
        cached = max(turn.cached_bytes for turn in turns) / (2 * size_bytes) * 100
        figures = f"{statistics.median(times):>8.2f}{2 * size_bytes / statistics.median(times) / 1e6:>8.0f}"
        lines.append(f"{name:<22}{figures}{statistics.median(ratios):>8.2f}{min(ratios):>8.2f}{spread:>7.0f} %{cached:>7.0f} %")
    return "\n".join(lines)


def trial_table(said: Said) -> str:
    lines = [f"{'what it says':<22}" + "".join(f"{case:>21}" for case in CASES)]
    lines += [f"{name:<22}" + "".join(f"{answers.get(case, '-'):>21}" for case in CASES) for name, answers in said.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=64, help="size of each of the two files (default: 64)")
    parser.add_argument("--runs", type=int, default=2, help="rounds (default: 2)")
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="these (default: all that are installed)")
    parser.add_argument("--folder", default=None, help="where the files are made (default: the temporary folder)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wan-", dir=options.folder))
    try:
        size_bytes = max(1, options.megabytes) * 1_000_000
        print(race_table(race(folder, size_bytes, max(1, options.runs), options.only), size_bytes))
        print(trial_table(trial(folder / "trial", options.only)))
    finally:
        shutil.rmtree(folder)
    if missing := absent():
        print(f"not installed: {', '.join(missing)}")


if __name__ == "__main__":
    main()
