"""InotifyWatcher where the kernel runs out of something, refuses, or takes a file system away."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, WatchDescriptor

from tests.fakes.hints import Hints
from tests.support.unprivileged import Unprivileged
from wan_healthd.domain.ports import WatchEvent, WatchKind
from wan_healthd.host.inotify import InotifyWatcher
from wan_healthd.host.inotify_reader import without_repeated_writes

CHECKOUT = Path(__file__).parents[3]
CHANGES_BEYOND_ANY_QUEUE = 40_000

WATCH = """
import os, subprocess, sys, time
from wan_healthd.host.inotify import InotifyWatcher

root = os.fsencode(sys.argv[1])
def tell(event):
    print(event.kind.value, os.fsdecode(event.path)[len(sys.argv[1]):] or "/", flush=True)
watcher = InotifyWatcher()
watcher.start(tell)
"""


def in_namespace(program: str, root: Path, *options: str) -> list[str]:
    """Runs a program with limits and mounts of its own and returns its lines."""
    command = ["unshare", "--user", "--map-root-user", *options, sys.executable, "-c", WATCH + program, str(root)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def inotify_descriptor() -> int:
    """The one inotify instance of this process."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the listing's own descriptor is closed by now
            if "inotify" in os.readlink(f"/proc/self/fd/{name}"):
                return int(name)
    raise LookupError("no inotify descriptor is open")


@pytest.fixture
def watched() -> Iterator[Callable[[Callable[[WatchEvent], None], Path], InotifyWatcher]]:
    watcher = InotifyWatcher()

    def watch(sink: Callable[[WatchEvent], None], root: Path) -> InotifyWatcher:
        watcher.start(sink)
        watcher.add_root(os.fsencode(root))
        return watcher

    yield watch
    watcher.stop()


def test_too_few_watches_are_counted_and_made_good_later(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}" / "deep").mkdir(parents=True)
    program = """
def limit(number):
    with open("/proc/sys/user/max_inotify_watches", "w") as file:
        file.write(str(number))
def say():
    now = watcher.report(root)
    print(now.folders, now.unwatched, bool(now.gaps), now.errno_name, now.limit)
limit(10)
watcher.add_root(root)
say()
watcher.fill_gaps(root)
limit(100)
watcher.fill_gaps(root)
say()
watcher.stop()
"""
    told = in_namespace(program, tmp_path)
    assert (told[0], told[-1]) == ("10 31 True ENOSPC 10", "41 0 False None None")
    assert {line.split()[0] for line in told[1:-1]} == {"folder-changed"}, "told once each could be watched"


def test_a_limit_below_the_root_itself_is_a_failure(tmp_path: Path) -> None:
    program = """
with open("/proc/sys/user/max_inotify_watches", "w") as limit:
    limit.write("0")
watcher.add_root(root)
print(watcher.report(root).errno_name, watcher.report(root).gaps == (root,))
watcher.stop()
"""
    assert in_namespace(program, tmp_path) == ["failed /", "ENOSPC True"]


def test_too_few_instances_are_told(tmp_path: Path) -> None:
    program = """
with open("/proc/sys/user/max_inotify_instances", "w") as limit:
    limit.write("0")
watcher.add_root(root)
watcher.stop()
"""
    assert in_namespace(program, tmp_path) == ["failed /"]


def test_unmounting_is_told(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    program = """
mount = lambda *arguments: subprocess.run(arguments, check=True)
mount("mount", "-t", "tmpfs", "none", root)
os.mkdir(root + b"/sub")
mount("mount", "-t", "tmpfs", "none", root + b"/sub")
os.mkdir(root + b"/sub/deep")
watcher.add_root(root)
mount("umount", root + b"/sub")
time.sleep(0.2)
open(root + b"/sub/file", "w").close()
time.sleep(0.2)
mount("umount", root)
time.sleep(0.2)
watcher.stop()
"""
    told = in_namespace(program, tmp_path, "--mount")
    assert {"folder-changed /sub", "closed /sub/file"} <= set(told)
    assert told[-1] == "folder-changed /", "what it covered shows again"


@pytest.mark.unprivileged
def test_folders_that_may_not_be_watched_are_told(unprivileged: Unprivileged) -> None:
    root = unprivileged.folder / "root"
    (root / "locked" / "deep").mkdir(parents=True)
    (root / "open").mkdir()
    unprivileged.give(root)
    (root / "locked").chmod(0)
    program = (
        WATCH
        + """
watcher.add_root(root)
print(watcher.report(root).gaps == (root + b"/locked",), watcher.report(root).errno_name, flush=True)
open(root + b"/open/file", "w").close()
os.chmod(root + b"/locked", 0o700)
time.sleep(0.2)
open(root + b"/locked/file", "w").close()
time.sleep(0.2)
print(watcher.report(root).gaps, flush=True)
os.chmod(root, 0)
watcher.add_root(root)
watcher.stop()
"""
    )
    done = unprivileged.run([unprivileged.python, "-c", program, str(root)])
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert (told[0], told[-1]) == ("True EACCES", "failed /")
    assert {"()", "closed /open/file", "folder-changed /locked", "closed /locked/file"} <= set(told)


def test_lost_events_are_told_and_new_folders_found(
    tmp_path: Path, watched: Callable[[Callable[[WatchEvent], None], Path], InotifyWatcher]
) -> None:
    hints, release = Hints(), threading.Event()
    root = os.fsencode(tmp_path)
    for name in (b"/one", b"/two"):
        os.close(os.open(root + name, os.O_CREAT))

    def hold(event: WatchEvent) -> None:
        release.wait(20)
        hints(event)

    watched(hold, tmp_path)
    for _ in range(CHANGES_BEYOND_ANY_QUEUE // 2):
        os.utime(root + b"/one")
        os.utime(root + b"/two")
    os.mkdir(root + b"/unseen")
    release.set()
    hints.wait_for(WatchKind.OVERFLOW, root, limit_s=20)
    os.close(os.open(root + b"/unseen/file", os.O_CREAT | os.O_WRONLY))
    hints.wait_for(WatchKind.CLOSED, root + b"/unseen/file")


def test_a_sink_that_raises_does_not_end_the_watching(
    tmp_path: Path, watched: Callable[[Callable[[WatchEvent], None], Path], InotifyWatcher]
) -> None:
    hints = Hints()

    def fail(event: WatchEvent) -> None:
        hints(event)
        raise RuntimeError("Event loop is closed")

    watched(fail, tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(b"x")
        hints.wait_for(WatchKind.CLOSED, os.fsencode(tmp_path / name))


def test_hints_come_at_once(tmp_path: Path, watched: Callable[[Callable[[WatchEvent], None], Path], InotifyWatcher]) -> None:
    hints = Hints()
    watched(hints, tmp_path)
    delays: list[float] = []
    for number in range(20):
        path = tmp_path / f"{number}"
        path.write_bytes(b"x")
        begin = time.perf_counter()
        path.rename(tmp_path / f"{number}.done")
        hints.wait_for(WatchKind.MOVED_IN, os.fsencode(tmp_path / f"{number}.done"))
        delays.append(time.perf_counter() - begin)
    assert sorted(delays)[len(delays) // 2] < 0.05  # 50 µs when nobody else uses the machine


def test_children_do_not_inherit_the_watch(
    tmp_path: Path, watched: Callable[[Callable[[WatchEvent], None], Path], InotifyWatcher]
) -> None:
    watched(Hints(), tmp_path)
    assert not os.get_inheritable(inotify_descriptor())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_told_and_can_be_replaced(tmp_path: Path) -> None:
    hints, root, complaints = Hints(), os.fsencode(tmp_path), list[str]()
    watcher = InotifyWatcher(complain=complaints.append)
    watcher.start(hints)
    try:
        watcher.add_root(root)
        folder = os.open(tmp_path, os.O_RDONLY)
        os.dup2(folder, inotify_descriptor(), inheritable=False)  # reading a folder raises EISDIR
        os.close(folder)
        (tmp_path / "wake-up").touch()
        hints.wait_for(WatchKind.FAILED, root)
        assert complaints == [f"the thread that hears of changes below {tmp_path} ended by itself, and is replaced"]
        watcher.add_root(root)
        (tmp_path / "file").write_bytes(b"x")
        hints.wait_for(WatchKind.CLOSED, root + b"/file")
    finally:
        watcher.stop()


def test_repeated_writes_count_once_but_never_across_a_close() -> None:
    def event(mask: int, name: bytes) -> InotifyEvent:
        return InotifyEvent(WatchDescriptor(1), mask, 0, name)  # type: ignore[arg-type]

    write, close = InotifyConstants.IN_MODIFY, InotifyConstants.IN_CLOSE_WRITE
    burst = [event(write, b"a"), event(write, b"b"), event(write, b"a"), event(close, b"a"), event(write, b"a")]
    assert without_repeated_writes(burst) == [burst[0], burst[1], burst[3], burst[4]]
