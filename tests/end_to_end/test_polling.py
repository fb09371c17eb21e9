"""Polling of file systems whose changes inotify does not tell; and what happens when one of them dies or falls silent."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.bad_disk import BadDisk, bad_disk
from tests.support.control import Control, Document, until
from tests.support.daemons import Home, RunningDaemon

OFTEN = '[sweep]\nincremental_every = "30d"\nfull_every = "30d"\npoll_every = "1s"\n'
"""No sweep by schedule after the first one: what is noticed was watched or polled."""

SOUND = sample(1, 50_000, 6)
OTHER = sample(2, 50_000, 6)
UNTIL_PATROLLED_S = 3.5
"""Within these seconds the sentry comes by every root."""


UNTIL_POLLED_S = 1.5


@contextmanager
def mounted(kind: str, point: Path, options: str) -> Iterator[Path]:
    """A file system of the kernel's; where none can be made the test is skipped."""
    point.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", kind, "-o", options, "none", point], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a file system of our own: {done.stderr.strip()}")
    try:
        yield point
    finally:
        subprocess.run(["umount", "-l", point], check=True)


@pytest.fixture
def net(home: Home) -> Iterator[BadDisk]:
    """A network mount, as far as inotify is concerned."""
    with bad_disk(home.folder / "net", {"changed.safetensors": SOUND, "taken.safetensors": SOUND}) as disk:
        yield disk


def started(daemon: RunningDaemon) -> Control:
    daemon.control.await_kind(0, "sweep-finished")
    return daemon.control


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def watching(control: Control, root: Path) -> Document:
    row: Document = next(row for row in control.status()["watching"] if row["root"] == str(root))
    return row


def codes(control: Control, since: int) -> set[tuple[str, str]]:
    """Names of files with the findings that were opened on them."""
    found = [event for event in control.events(since) if event["kind"] == "finding-opened"]
    return {(Path(event["path"]).name, event["finding"]["code"]) for event in found}


def root_kinds(control: Control, since: int) -> list[str]:
    return [event["kind"] for event in control.events(since) if event["kind"].startswith("root")]


def test_what_changes_on_a_server_is_an_event_within_seconds(home: Home, net: BadDisk) -> None:
    home.configure([net.point], OFTEN)
    with home.running() as daemon:
        control = started(daemon)
        row = watching(control, net.point)
        assert (row["mode"], row["is_polled"]) == ("auto", True)
        assert row["reasons"] == ["fuse: what its server changes by itself makes no events here"]
        assert f"also polled: {net.point} (fuse: " in unwrapped(home.healthctl("status").stdout)
        since = control.last_event()
        net.put("changed.safetensors", SOUND[:20_000])
        net.put("new.safetensors", OTHER)
        net.take("taken.safetensors")
        control.await_status("changed.safetensors", "corrupted")
        control.await_status("new.safetensors", "healthy")
        control.await_status("taken.safetensors", "missing")
        assert codes(control, since) >= {
            ("changed.safetensors", "safetensors-truncated"),
            ("taken.safetensors", "file-missing"),
        }


def test_only_those_folders_are_polled_in_which_events_are_missing(home: Home) -> None:
    home.configure([home.models], OFTEN)
    with ExitStack() as mounts:
        home.put("local/w.safetensors", SOUND)
        net = mounts.enter_context(bad_disk(home.models / "net", {"w.safetensors": SOUND}))
        memory = mounts.enter_context(mounted("tmpfs", home.models / "memory", "size=1m,mode=755"))
        lower = layered(mounts, home)
        daemon = mounts.enter_context(home.running())
        control = started(daemon)
        row = watching(control, home.models)
        assert (row["is_polled"], row["folders_polled"], row["folders_not_watched"]) == (False, 2, 0)
        assert [reason.split(":")[0] for reason in row["reasons"]] == ["overlay", "fuse"]
        assert f"also polled: 2 folders below {home.models}" in unwrapped(home.healthctl("status").stdout)
        net.put("w.safetensors", SOUND[:20_000])
        (lower / "new.safetensors").write_bytes(OTHER)
        os.truncate(lower / "w.safetensors", 20_000)
        (memory / "m.safetensors").write_bytes(OTHER)
        control.await_status("net", "corrupted")
        control.await_status("layered", "corrupted")
        until(lambda: file_of(control, "layered", "new.safetensors", "healthy"), "the new file is healthy")
        control.await_status("memory", "healthy")


def file_of(control: Control, model_id: str, name: str, status: str) -> Document | None:
    rows = (row for row in control.files(model_id) if (Path(row["path"]).name, row["status"]) == (name, status))
    return next(rows, None)


def layered(mounts: ExitStack, home: Home) -> Path:
    """An overlay among the models; returns its lower layer, which is written to directly."""
    layers = mounts.enter_context(mounted("tmpfs", home.folder / "layers", "size=4m,mode=755"))
    for name in ("lower", "upper", "work"):
        (layers / name).mkdir()
    (layers / "lower" / "w.safetensors").write_bytes(SOUND)
    options = f"lowerdir={layers}/lower,upperdir={layers}/upper,workdir={layers}/work"
    mounts.enter_context(mounted("overlay", home.models / "layered", options))
    return layers / "lower"


def test_a_server_that_dies_and_comes_back_is_lost_once_for_each_reason_and_nothing_is_missing(home: Home) -> None:
    files = {"one.safetensors": SOUND, "two.safetensors": OTHER}
    point = home.folder / "net"
    home.configure([point], OFTEN)
    with ExitStack() as first, ExitStack() as second:
        disk = first.enter_context(bad_disk(point, files))
        daemon = second.enter_context(home.running())
        control = daemon.control
        control.await_status("two.safetensors", "healthy")
        since = control.last_event()
        disk.die()
        assert "(ENOTCONN)" in control.await_kind(since, "root-lost")["message"]
        control.await_status("one.safetensors", "unknown")
        time.sleep(UNTIL_POLLED_S)
        first.close()
        with bad_disk(point, files), second:
            control.await_status("one.safetensors", "healthy")
            control.await_status("two.safetensors", "healthy")
            *lost, returned = [event for event in control.events(since) if event["kind"].startswith("root-")]
            assert (returned["kind"], {event["kind"] for event in lost}) == ("root-returned", {"root-lost"})
            assert len({event["message"] for event in lost}) == len(lost)  # each reason once: dead, and perhaps not mounted
            assert not {code for _, code in codes(control, since)} & {"file-missing", "read-error", "checksum-mismatch"}


def test_a_server_that_falls_silent_holds_up_nobody_else(home: Home, net: BadDisk) -> None:
    home.put("local/w.safetensors", SOUND)
    home.configure([net.point, home.models], OFTEN)
    with home.running() as daemon:
        control = started(daemon)
        since = control.last_event()
        net.fall_silent()
        net.put("changed.safetensors", SOUND[:20_000])
        time.sleep(UNTIL_PATROLLED_S)
        home.put("new/deep/w.safetensors", OTHER)
        os.truncate(home.models / "local" / "w.safetensors", 20_000)
        control.await_status("local", "corrupted")
        control.await_status("new/deep", "healthy")
        assert home.healthctl("status").returncode == 1
        net.speak()
        control.await_status("changed.safetensors", "corrupted")
        assert not {code for _, code in codes(control, since)} & {"file-missing", "read-error"}


def test_it_answers_and_ends_in_time_although_a_server_is_silent_from_the_start(home: Home, net: BadDisk) -> None:
    home.configure([net.point, home.models], OFTEN)
    net.fall_silent()
    with home.running() as daemon:
        assert daemon.control.status()["now"]
        time.sleep(UNTIL_POLLED_S)
        assert daemon.stop() == 0
