"""A burst of changes beneath a running daemon: is anything missed, how long until all is judged, and what does that cost?

    python -m tests.benchmarks.event_storm --files 100000 --folder /var/tmp

starts the daemon on an empty folder, makes model folders with so many tiny files in all, writes a quarter of them anew, removes
a quarter and renames a quarter, as fast as one process can. Meanwhile it asks for the status once a second, and looks whether
events were lost. When the daemon is at rest its state is compared with the tree: a file is missed if it was not judged as it is
now, a row is stale if the daemon believes in a file that is gone. Nothing is asserted.

The kernel keeps `fs.inotify.max_queued_events` events for a daemon that is slower than the burst, and then drops the rest.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path

import psutil
from msgspec import Struct

from tests.benchmarks.close_to_verdict import percentile
from tests.benchmarks.unchanged_sweep import names as names_in
from tests.fakes.safetensors_files import sample
from tests.support.daemons import WORKER_MODULE, Home, RunningDaemon

IN_A_FOLDER = 50
CHANGED, REMOVED, RENAMED = 1, 2, 3
"""What is done to each fourth file."""
ANEW = {".safetensors": sample(2, 200, 1), ".json": b'{"a": 22}'}
"""What is written over a file."""
SHOWN = 5
MIB = 1 << 20
LOOK_EVERY_S = 0.1
ASK_EVERY_S = 1.0
"""An answer lists thousands of models: whoever asks ten times a second has the daemon do little else."""
AT_REST_S = 3.0
"""Nothing is queued nor read for so long: what may still be written to waits for 2 s before it is judged."""

JUDGED = """
SELECT path, inode, size_bytes, mtime_ns, ctime_ns FROM path JOIN content ON content.id = content_id
WHERE judged_at IS NOT NULL AND sha256 IS NOT NULL
"""
MISSED_BY_ITS_MODEL = "SELECT path FROM path JOIN finding ON finding.path_id = path.id WHERE code = 'file-missing'"

Place = dict[bytes, tuple[int, ...]]
"""(inode, size_bytes, mtime_ns, ctime_ns) by path."""


class Burst(Struct, frozen=True):
    """When it began and ended, by the monotonic clock."""

    began: float
    ended: float


class Watched(Struct):
    """What was seen of the daemon while it worked: seconds that answers took, and the most memory of each process, in bytes.

    After an overflow all watches are set anew, and so `root_watch`, the number of the root's in the kernel, becomes another.
    """

    answers_s: list[float] = []
    most_queued: int = 0
    overflows: int = 0
    root_watch: str = ""
    daemon_bytes: int = 0
    worker_bytes: int = 0


def storm(root: Path, files: int) -> Burst:
    """Everything, as fast as one process can."""
    began = time.monotonic()
    for number, path in enumerate(list(created(root, files))):
        if number % 4 == CHANGED:
            path.write_bytes(ANEW[path.suffix])
        elif number % 4 == REMOVED:
            path.unlink()
        elif number % 4 == RENAMED:
            path.rename(path.with_name(f"other-{path.name}"))
    return Burst(began, time.monotonic())


def created(root: Path, files: int) -> Iterator[Path]:
    for number in range(-(-files // IN_A_FOLDER)):
        folder = root / f"shelf-{number // 200:03d}" / f"model-{number % 200:03d}"
        folder.mkdir(parents=True)
        for name, content in islice(names_in(IN_A_FOLDER), files - number * IN_A_FOLDER):
            (folder / name).write_bytes(content)
            yield folder / name


def attend(daemon: RunningDaemon, seen: Watched, burst: Future[Burst]) -> float:
    """Ask until the burst is over and the daemon has been at rest for a while; returns when it came to rest."""
    rests_since = None
    asked_at = -ASK_EVERY_S
    while rests_since is None or time.monotonic() - rests_since < AT_REST_S:
        now = time.monotonic()
        note_memory(daemon, seen)
        note_watch(daemon, seen)
        if now - asked_at >= ASK_EVERY_S:
            asked_at = now
            is_busy = ask(daemon, seen) or not burst.done()
            rests_since = None if is_busy else rests_since or now
        time.sleep(LOOK_EVERY_S)
    return rests_since


def ask(daemon: RunningDaemon, seen: Watched) -> bool:
    """Whether it says that it has something to do."""
    began = time.monotonic()
    status = daemon.control.status()
    seen.answers_s.append(time.monotonic() - began)
    seen.most_queued = max(seen.most_queued, status["activity"]["queued"])
    return bool(status["activity"]["queued"] or status["activity"]["reading"] or status["sweeps"])


def note_watch(daemon: RunningDaemon, seen: Watched) -> None:
    number = watch_of(daemon.home.models, daemon.process.pid)
    seen.overflows += bool(number and seen.root_watch and number != seen.root_watch)
    seen.root_watch = number or seen.root_watch


def watch_of(folder: Path, pid: int) -> str:
    """The number of the process's inotify watch on the folder; empty where there is none. See proc(5)."""
    inode = f" ino:{folder.stat().st_ino:x} "
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            for line in info.read_text().splitlines():
                if line.startswith("inotify wd:") and inode in line:
                    return line.partition(inode)[0]
    return ""


def note_memory(daemon: RunningDaemon, seen: Watched) -> None:
    seen.daemon_bytes = max(seen.daemon_bytes, most_bytes(daemon.process.pid))
    for child in psutil.Process(daemon.process.pid).children():
        try:
            if WORKER_MODULE in child.cmdline():
                seen.worker_bytes = max(seen.worker_bytes, most_bytes(child.pid))
        except (psutil.NoSuchProcess, psutil.ZombieProcess, FileNotFoundError):
            continue  # it ended meanwhile


def most_bytes(pid: int) -> int:
    """The most that the process ever held; 0 where it just ended."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def tree(root: Path) -> Place:
    found: Place = {}
    for folder, _, names in os.walk(os.fsencode(root)):
        for name in names:
            path = os.path.join(folder, name)
            now = os.stat(path)
            found[path] = (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
    return found


def state(database: Path) -> tuple[Place, set[bytes]]:
    """What was judged, and as what; and which of these the daemon knows to be gone."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        judged = {path: tuple(map(int, place)) for path, *place in connection.execute(JUDGED)}
        return judged, {path for (path,) in connection.execute(MISSED_BY_ITS_MODEL)}


def measure(folder: Path, files: int) -> None:
    home, seen = Home(folder), Watched()
    with home.running() as daemon, ThreadPoolExecutor(1) as writer:
        daemon.control.await_kind(0, "sweep-finished")
        future = writer.submit(storm, home.models, files)
        rests_at = attend(daemon, seen, future)
        models = len(daemon.control.status()["models"])
    burst, there, (judged, gone) = future.result(), tree(home.models), state(home.database)
    missed = [path for path, place in there.items() if judged.get(path) != place]
    stale = [path for path in judged if path not in there and path not in gone]
    print(f"burst: {files} files made, three quarters changed, removed or renamed, in {burst.ended - burst.began:.1f} s")
    print(f"at rest {rests_at - burst.ended:.1f} s later: {len(there)} files in {models} models")
    print(f"missed: {len(missed)}; stale: {len(stale)}", *map(os.fsdecode, (missed + stale)[:SHOWN]), sep="\n  ")
    held = f"daemon {seen.daemon_bytes / MIB:.0f} MiB, worker {seen.worker_bytes / MIB:.0f} MiB"
    print(f"at most: {seen.most_queued} queued, {held}; events were lost {seen.overflows} times or more")
    times = ", ".join(f"p{percent} {percentile(seen.answers_s, percent) * 1e3:.0f}" for percent in (50, 99, 100))
    print(f"status, asked {len(seen.answers_s)} times, in ms: {times}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=2000, help="how many are made (default: 2000)")
    parser.add_argument("--folder", default=None, help="where they are made (default: the temporary folder)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wan-", dir=options.folder))
    try:
        measure(folder, max(4, options.files))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
