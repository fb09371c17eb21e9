"""What every Watcher keeps to, on real folders."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.hints import Hints
from wan_healthd.domain.ports import Watcher, WatchEvent, WatchKind
from wan_healthd.host.inotify import InotifyWatcher


@pytest.fixture
def hints() -> Hints:
    return Hints()


@pytest.fixture(params=[InotifyWatcher])
def watcher(request: pytest.FixtureRequest, hints: Hints) -> Iterator[Watcher]:
    watching: Watcher = request.param()
    watching.start(hints)
    yield watching
    watching.stop()


@pytest.fixture
def root(tmp_path: Path, watcher: Watcher) -> bytes:
    folder = tmp_path / "root"
    (folder / "sub").mkdir(parents=True)
    watcher.add_root(os.fsencode(folder))
    return os.fsencode(folder)


def write(path: bytes, content: bytes = b"x") -> None:
    with open(path, "wb") as file:
        file.write(content)


@pytest.mark.parametrize("name", [b"file", b"sub/file", b"\xff\xfe", b"sub/new\nline"])
def test_a_file_that_was_written_is_closed(root: bytes, hints: Hints, name: bytes) -> None:
    write(root + b"/" + name)
    hints.wait_for(WatchKind.CLOSED, root + b"/" + name)
    assert hints.kinds_of(root + b"/" + name) == [WatchKind.CREATED, WatchKind.MODIFIED, WatchKind.CLOSED]


def test_a_write_that_stays_open_is_seen(root: bytes, hints: Hints) -> None:
    with open(root + b"/file", "wb", buffering=0) as file:
        file.write(b"part")
        hints.wait_for(WatchKind.MODIFIED, root + b"/file")
        assert WatchKind.CLOSED not in hints.kinds_of(root + b"/file")


def test_a_move_inside_tells_both_ends(root: bytes, hints: Hints) -> None:
    write(root + b"/a.incomplete")
    hints.wait_for(WatchKind.CLOSED, root + b"/a.incomplete")
    os.rename(root + b"/a.incomplete", root + b"/sub/a")
    hints.wait_for(WatchKind.MOVED_IN, root + b"/sub/a", limit_s=0.4)  # less than watchdog's pairing delay
    hints.wait_for(WatchKind.GONE, root + b"/a.incomplete", limit_s=0.4)


def test_moves_in_and_out(root: bytes, hints: Hints, tmp_path: Path) -> None:
    elsewhere = os.fsencode(tmp_path / "elsewhere")
    write(elsewhere)
    os.rename(elsewhere, root + b"/file")
    hints.wait_for(WatchKind.MOVED_IN, root + b"/file", limit_s=0.4)
    os.rename(root + b"/file", elsewhere)
    hints.wait_for(WatchKind.GONE, root + b"/file", limit_s=0.4)


def test_a_deleted_file_is_gone(root: bytes, hints: Hints) -> None:
    write(root + b"/file")
    os.unlink(root + b"/file")
    hints.wait_for(WatchKind.GONE, root + b"/file")


def test_mode_and_times_are_attributes(root: bytes, hints: Hints) -> None:
    write(root + b"/file")
    hints.wait_for(WatchKind.CLOSED, root + b"/file")
    os.chmod(root + b"/file", 0o600)
    hints.wait_for(WatchKind.ATTRIBUTES, root + b"/file")
    hints.clear()
    os.utime(root + b"/file", (0, 0))
    hints.wait_for(WatchKind.ATTRIBUTES, root + b"/file")


def test_links_are_created(root: bytes, hints: Hints) -> None:
    os.symlink(b"sub", root + b"/link")
    hints.wait_for(WatchKind.CREATED, root + b"/link")


def test_reading_makes_no_events(root: bytes, hints: Hints) -> None:
    write(root + b"/file")
    hints.wait_for(WatchKind.CLOSED, root + b"/file")
    hints.clear()
    with open(root + b"/file", "rb") as file:
        file.read()
    os.listdir(root + b"/sub")
    write(root + b"/next")
    hints.wait_for(WatchKind.CLOSED, root + b"/next")
    assert {event.path for event in hints.events} == {root + b"/next"}


def test_new_folders_are_watched_to_their_depth(watcher: Watcher, root: bytes, hints: Hints) -> None:
    os.makedirs(root + b"/a/b/c")
    hints.wait_for(WatchKind.FOLDER_CHANGED, root + b"/a")
    deadline = time.monotonic() + 5
    while watcher.report(root).folders < len(["root", "sub", "a", "b", "c"]) and time.monotonic() < deadline:
        time.sleep(0.01)  # a hint of a folder may come before those below it are there
    write(root + b"/a/b/c/file")
    hints.wait_for(WatchKind.CLOSED, root + b"/a/b/c/file")


def test_a_moved_folder_is_known_by_its_new_path(root: bytes, hints: Hints) -> None:
    os.makedirs(root + b"/sub/deep")
    hints.wait_for(WatchKind.FOLDER_CHANGED, root + b"/sub/deep")
    os.rename(root + b"/sub", root + b"/other")
    hints.wait_for(WatchKind.FOLDER_CHANGED, root + b"/sub")
    hints.wait_for(WatchKind.FOLDER_CHANGED, root + b"/other")
    write(root + b"/other/deep/file")
    hints.wait_for(WatchKind.CLOSED, root + b"/other/deep/file")
    assert hints.kinds_of(root + b"/sub/deep/file") == []


def test_a_folder_that_was_moved_out_is_watched_no_more(root: bytes, hints: Hints, tmp_path: Path) -> None:
    outside = os.fsencode(tmp_path / "outside")
    os.rename(root + b"/sub", outside)
    hints.wait_for(WatchKind.FOLDER_CHANGED, root + b"/sub")
    hints.clear()
    write(outside + b"/file")
    write(root + b"/file")
    hints.wait_for(WatchKind.CLOSED, root + b"/file")
    assert {event.path for event in hints.events} == {root + b"/file"}


def test_deleted_folders_are_told(root: bytes, hints: Hints) -> None:
    shutil.rmtree(root + b"/sub")
    hints.wait_for(WatchKind.FOLDER_CHANGED, root + b"/sub")


def test_a_mode_change_of_a_folder_concerns_all_below(root: bytes, hints: Hints) -> None:
    os.chmod(root + b"/sub", 0o700)
    hints.wait_for(WatchKind.FOLDER_CHANGED, root + b"/sub")
    os.chmod(root, 0o700)
    hints.wait_for(WatchKind.FOLDER_CHANGED, root)


def test_links_to_folders_are_not_descended(watcher: Watcher, root: bytes, hints: Hints, tmp_path: Path) -> None:
    outside = os.fsencode(tmp_path / "outside")
    os.mkdir(outside)
    os.symlink(outside, root + b"/link")
    watcher.add_root(root)
    write(outside + b"/file")
    write(root + b"/file")
    hints.wait_for(WatchKind.CLOSED, root + b"/file")
    assert hints.kinds_of(root + b"/link/file") == []


def test_what_belongs_to_us_is_ignored(root: bytes, hints: Hints) -> None:
    os.makedirs(root + b"/.wan-healthd/quarantine")
    write(root + b"/.wan-healthd/quarantine/file")
    write(root + b"/file")
    hints.wait_for(WatchKind.CLOSED, root + b"/file")
    assert {event.path for event in hints.events} == {root + b"/file"}


@pytest.mark.parametrize("how", ["deleted", "renamed", "never there"])
def test_a_root_that_goes_has_failed(watcher: Watcher, root: bytes, hints: Hints, how: str) -> None:
    if how == "deleted":
        shutil.rmtree(root)
    elif how == "renamed":
        os.rename(root, root + b"-2")
    else:
        shutil.rmtree(root)
        watcher.remove_root(root)
        hints.clear()
        watcher.add_root(root)
    hints.wait_for(WatchKind.FAILED, root)


def test_a_root_that_comes_back_can_be_added_again(watcher: Watcher, root: bytes, hints: Hints) -> None:
    shutil.rmtree(root)
    hints.wait_for(WatchKind.FAILED, root)
    os.mkdir(root)
    hints.clear()
    watcher.add_root(root)
    write(root + b"/file")
    hints.wait_for(WatchKind.CLOSED, root + b"/file")
    assert hints.kinds_of(root) == []


def test_a_removed_root_is_silent(watcher: Watcher, root: bytes, hints: Hints, tmp_path: Path) -> None:
    other = os.fsencode(tmp_path / "other")
    os.mkdir(other)
    watcher.add_root(other)
    watcher.remove_root(root)
    watcher.remove_root(root)
    write(root + b"/file")
    write(other + b"/file")
    hints.wait_for(WatchKind.CLOSED, other + b"/file")
    assert {event.path for event in hints.events} == {other + b"/file"}


def test_roots_may_lie_in_each_other(watcher: Watcher, root: bytes, hints: Hints) -> None:
    watcher.add_root(root + b"/sub")
    write(root + b"/sub/file")
    hints.wait_for(WatchKind.CLOSED, root + b"/sub/file")
    watcher.remove_root(root + b"/sub")
    hints.clear()
    write(root + b"/sub/file")
    hints.wait_for(WatchKind.CLOSED, root + b"/sub/file")


def test_a_root_may_be_a_link(watcher: Watcher, root: bytes, hints: Hints, tmp_path: Path) -> None:
    alias = os.fsencode(tmp_path / "alias")
    os.symlink(root, alias)
    watcher.add_root(alias)
    write(root + b"/sub/file")
    hints.wait_for(WatchKind.CLOSED, alias + b"/sub/file")
    hints.wait_for(WatchKind.CLOSED, root + b"/sub/file")


def test_nothing_is_told_after_the_end(watcher: Watcher, root: bytes, hints: Hints) -> None:
    watcher.stop()
    write(root + b"/file")
    watcher.stop()
    assert WatchEvent(WatchKind.CLOSED, root + b"/file") not in hints.events
