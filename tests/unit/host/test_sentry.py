"""InotifyWatcher.patrol: watches that silently stopped to work are noticed, set anew, and told."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.fakes.hints import Hints
from tests.unit.host.test_inotify import in_namespace, inotify_descriptor
from wan_healthd.domain.ports import WatchEvent, WatchKind
from wan_healthd.domain.watching import Eventless, RootWatch, WatchMode, folders_to_poll
from wan_healthd.host.eventless import eventless_folders, why_eventless
from wan_healthd.host.gaps import MOST_NAMED, Gaps
from wan_healthd.host.inotify import InotifyWatcher
from wan_healthd.host.mounts import Mount

MOUNTING = """
def run(*command):
    subprocess.run(command, check=True)
def tmpfs(path):
    run("mount", "-t", "tmpfs", "none", path)
def write(path):
    open(path, "w").close()
    time.sleep(0.2)
def patrol():
    has_mounted = watcher.look_at_mounts()
    watcher.patrol(root)
    print("patrol", has_mounted, flush=True)
"""


@pytest.fixture
def hints() -> Hints:
    return Hints()


@pytest.fixture
def watcher(hints: Hints, tmp_path: Path) -> Iterator[InotifyWatcher]:
    made = InotifyWatcher(canary_s=0.2)
    made.start(hints)
    (tmp_path / "above" / "root" / "sub").mkdir(parents=True)
    made.add_root(root_in(tmp_path))
    yield made
    made.stop()


def root_in(tmp_path: Path) -> bytes:
    return os.fsencode(tmp_path / "above" / "root")


def once(lines: list[str]) -> list[str]:
    """Less those that repeat the line before: the kernel tells of unmounting, too, but not always, and not when."""
    told = [line for line in lines if line.startswith(("folder", "closed")) or line == "patrol False"]
    return [line for before, line in pairwise(["", *told]) if line != before]


def write(path: bytes) -> None:
    with open(path, "wb") as file:
        file.write(b"x")


def test_what_works_is_left_alone(watcher: InotifyWatcher, hints: Hints, tmp_path: Path) -> None:
    for _ in range(3):
        assert not watcher.look_at_mounts()
        watcher.patrol(root_in(tmp_path))
    write(root_in(tmp_path) + b"/sub/file")
    hints.wait_for(WatchKind.CLOSED, root_in(tmp_path) + b"/sub/file")
    assert {event.path for event in hints.events} == {root_in(tmp_path) + b"/sub/file"}, "not even the canary is told"
    assert watcher.report(root_in(tmp_path)).folders == 2


def test_a_folder_above_that_was_renamed_and_another_in_its_place(
    watcher: InotifyWatcher, hints: Hints, tmp_path: Path
) -> None:
    root = root_in(tmp_path)
    os.rename(tmp_path / "above", tmp_path / "away")
    os.makedirs(root + b"/new")
    watcher.patrol(root_in(tmp_path))
    hints.wait_for(WatchKind.FOLDER_CHANGED, root)
    write(root + b"/new/file")
    hints.wait_for(WatchKind.CLOSED, root + b"/new/file")
    hints.clear()
    write(os.fsencode(tmp_path / "away" / "root" / "old"))
    write(root + b"/last")
    hints.wait_for(WatchKind.CLOSED, root + b"/last")
    assert hints.kinds_of(root + b"/old") == []


def test_a_folder_above_that_is_gone_is_a_failure_once(watcher: InotifyWatcher, hints: Hints, tmp_path: Path) -> None:
    os.rename(tmp_path / "above", tmp_path / "away")
    watcher.patrol(root_in(tmp_path))
    watcher.patrol(root_in(tmp_path))
    assert hints.kinds_of(root_in(tmp_path)).count(WatchKind.FAILED) == 1
    assert watcher.report(root_in(tmp_path)).folders == 0


def test_a_watch_that_the_kernel_dropped_in_silence(watcher: InotifyWatcher, hints: Hints, tmp_path: Path) -> None:
    descriptor = inotify_descriptor()
    libc = ctypes.CDLL(None)
    for watch in range(1, 4):
        libc.inotify_rm_watch(descriptor, watch)
    watcher.patrol(root_in(tmp_path))
    hints.wait_for(WatchKind.FOLDER_CHANGED, root_in(tmp_path))
    write(root_in(tmp_path) + b"/sub/file")
    hints.wait_for(WatchKind.CLOSED, root_in(tmp_path) + b"/sub/file")


def test_a_thread_that_does_not_read_is_replaced(tmp_path: Path) -> None:
    hints, is_stuck, release = Hints(), threading.Event(), threading.Event()

    def hang(event: WatchEvent) -> None:
        if not release.is_set() and event.path.endswith(b"/stick"):
            is_stuck.set()
            release.wait(20)
        else:
            hints(event)

    root = os.fsencode(tmp_path)
    complaints: list[str] = []
    watcher = InotifyWatcher(canary_s=0.2, complain=complaints.append)
    watcher.start(hang)
    watcher.add_root(root)
    first = next(thread for thread in threading.enumerate() if thread.name == "wan-inotify")
    try:
        write(root + b"/stick")
        assert is_stuck.wait(5)
        write(root + b"/unread")
        watcher.patrol(root)
        hints.wait_for(WatchKind.OVERFLOW, root)
        write(root + b"/file")
        hints.wait_for(WatchKind.CLOSED, root + b"/file")
        assert hints.kinds_of(root + b"/unread") == []
        assert complaints == [f"the thread that hears of changes below {tmp_path} hangs, and is replaced"]
    finally:
        release.set()
        watcher.stop()
        first.join(5)
    assert not first.is_alive()


def test_after_the_end_nothing_is_watched_any_more(watcher: InotifyWatcher, tmp_path: Path) -> None:
    watcher.stop()
    watcher.add_root(root_in(tmp_path))
    watcher.patrol(root_in(tmp_path))
    assert [thread.name for thread in threading.enumerate() if thread.name == "wan-inotify"] == []


def test_mounting_over_a_root_and_unmounting(tmp_path: Path) -> None:
    program = f"""{MOUNTING}
watcher.add_root(root)
tmpfs(root)
patrol()
write(root + b"/over")
run("umount", "-l", root)
patrol()
write(root + b"/under")
watcher.stop()
"""
    told = in_namespace(program, tmp_path, "--mount")
    wanted = ["folder-changed /", "closed /over", "folder-changed /", "closed /under"]
    assert [line for line in once(told) if line in wanted] == wanted
    assert told.count("patrol True") == 2
    assert "failed /" not in told


def test_mounting_below_a_root_and_unmounting(tmp_path: Path) -> None:
    (tmp_path / "sub" / "covered").mkdir(parents=True)
    program = f"""{MOUNTING}
watcher.add_root(root)
tmpfs(root + b"/sub")
patrol()
write(root + b"/sub/over")
run("umount", "-l", root + b"/sub")
patrol()
write(root + b"/sub/covered/under")
patrol()
watcher.stop()
"""
    told = in_namespace(program, tmp_path, "--mount")
    wanted = ["folder-changed /sub", "closed /sub/over", "folder-changed /sub", "closed /sub/covered/under", "patrol False"]
    assert [line for line in once(told) if line in wanted] == wanted


def test_a_mount_that_looks_as_it_did_before_is_seen_to_all_the_same(tmp_path: Path) -> None:
    """As after a disk was unplugged and plugged in again between two looks, under the same numbers."""
    (tmp_path / "sub").mkdir(parents=True)
    program = f"""{MOUNTING}
tmpfs(root + b"/sub")
watcher.add_root(root)
patrol()
run("mount", "-o", "remount,noexec", root + b"/sub")
patrol()
patrol()
watcher.stop()
"""
    told = [line for line in in_namespace(program, tmp_path, "--mount") if line.startswith(("patrol", "folder-changed /sub"))]
    assert told[-3:] == ["folder-changed /sub", "patrol True", "patrol False"]


def test_a_root_behind_a_link_knows_its_mounts(tmp_path: Path) -> None:
    (tmp_path / "real" / "sub").mkdir(parents=True)
    (tmp_path / "alias").symlink_to("real")
    program = f"""{MOUNTING}
real, root = root + b"/real", root + b"/alias"
watcher.add_root(root)
tmpfs(real + b"/sub")
patrol()
write(real + b"/sub/file")
watcher.stop()
"""
    assert {"folder-changed /alias/sub", "closed /alias/sub/file"} <= set(in_namespace(program, tmp_path, "--mount"))


# File systems without events


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse", "fuse.sshfs", "9p", "virtiofs", "ceph", "overlay"])
def test_some_file_systems_do_not_tell_everything(kind: str) -> None:
    assert why_eventless(kind)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "fuseblk", "vfat"])
def test_local_ones_do(kind: str) -> None:
    assert why_eventless(kind) is None


def test_the_root_and_the_mounts_below_it_are_told_by_their_place() -> None:
    def mount(point: str, kind: str) -> Mount:
        return Mount(1, "0:1", "/", point, kind, "none")

    table = [
        mount("/", "ext4"),
        mount("/srv", "nfs"),
        mount("/srv/m/a", "nfs4"),
        mount("/srv/m/b", "nfs"),
        mount("/srv/m/b", "xfs"),
    ]
    found = eventless_folders(b"/models", b"/srv/m", table)
    assert [(place.path, place.kind) for place in found] == [(b"/models", "nfs"), (b"/models/a", "nfs4")]
    assert eventless_folders(b"/home", b"/home", table) == ()
    assert [place.path for place in eventless_folders(b"/", b"/", table)] == [b"/srv", b"/srv/m/a"]


@pytest.mark.parametrize(
    ("mode", "report", "is_lost", "polled"),
    [
        (WatchMode.AUTO, RootWatch(b"/r", 3), False, ()),
        (WatchMode.POLL, RootWatch(b"/r"), False, (b"/r",)),
        (WatchMode.INOTIFY, RootWatch(b"/r"), True, (b"/r",)),
        (WatchMode.AUTO, RootWatch(b"/r", 3, gaps=(b"/r/a",)), False, (b"/r/a",)),
        (WatchMode.INOTIFY, RootWatch(b"/r", 3, gaps=(b"/r", b"/r/a")), False, (b"/r",)),
        (WatchMode.AUTO, RootWatch(b"/r", 3, eventless=(Eventless(b"/r", "nfs", ""),)), False, (b"/r",)),
        (
            WatchMode.AUTO,
            RootWatch(b"/r", 3, (b"/r/a",), eventless=(Eventless(b"/r/b", "nfs", ""),)),
            False,
            (b"/r/a", b"/r/b"),
        ),
        (WatchMode.INOTIFY, RootWatch(b"/r", 3, eventless=(Eventless(b"/r", "nfs", ""),)), False, ()),
    ],
)
def test_what_is_polled(mode: WatchMode, report: RootWatch, is_lost: bool, polled: tuple[bytes, ...]) -> None:
    assert folders_to_poll(mode, report, is_lost=is_lost) == polled


def test_too_many_gaps_become_one() -> None:
    gaps = Gaps(b"/r")
    gaps.add({b"/r/%d" % number: "EACCES" for number in range(MOST_NAMED + 1)}, lambda path: [])
    assert (gaps.report.gaps, gaps.report.unwatched, gaps.report.errno_name) == ((b"/r",), MOST_NAMED + 1, "EACCES")
    assert gaps.take(b"/r") == (b"/r",)
    assert gaps.report.gaps == ()
