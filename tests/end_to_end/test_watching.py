"""Watching: what happens below a root is known within seconds, long before any sweep is due, whatever inotify loses."""

from __future__ import annotations

import json
import mmap
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.fakes.safetensors_files import sample
from tests.support.control import Control, Document, until
from tests.support.daemons import Home, RunningDaemon
from tests.support.namespaces import LimitedHome, MountedHome
from tests.support.unprivileged import Unprivileged

RARELY = '[sweep]\nincremental_every = "30d"\nfull_every = "30d"\n'
"""No sweep by schedule after the first one, so that none hides what watching missed."""

NEVER_POLLED = f'{RARELY}poll_every = "30d"\n'
STORM_FILES = int(os.environ.get("WAN_STORM_FILES", "500"))
"""100000 for the storm that the requirements speak of; it takes many minutes, so give pytest a --timeout, too."""

CHANGES_BEYOND_ANY_QUEUE = 20_000

pytestmark = pytest.mark.unprivileged


@pytest.fixture
def home(unprivileged_home: Home) -> Home:
    unprivileged_home.configure([unprivileged_home.models], NEVER_POLLED)
    return unprivileged_home


def started(daemon: RunningDaemon) -> Control:
    """Wait until everything was read once."""
    daemon.control.await_kind(0, "sweep-finished")
    return daemon.control


def told(home: Home) -> list[Document]:
    """What `healthctl events --json` shows."""
    events: list[Document] = json.loads(home.healthctl("events", "--json").stdout)["events"]
    return events


class Deed(NamedTuple):
    """Something that is done to a file, and the code of the finding that it leads to; None where the file is sound."""

    act: Callable[[Home, Path], object]
    code: str | None
    is_there_before: bool = True


def copy_in(home: Home, path: Path) -> None:
    shutil.copy(home.folder / "source", path)


def move_in(home: Home, path: Path) -> None:
    shutil.copy(home.folder / "source", home.folder / "elsewhere")
    (home.folder / "elsewhere").rename(path)


def move_out(home: Home, path: Path) -> None:
    path.rename(home.folder / "moved-out")


def truncate(home: Home, path: Path) -> None:
    os.truncate(path, 20_000)


def overwrite(home: Home, path: Path) -> None:
    subprocess.run(
        ["dd", "if=/dev/zero", f"of={path}", "bs=1", "count=8", "seek=30000", "conv=notrunc", "status=none"], check=True
    )


def forbid(home: Home, path: Path) -> None:
    path.chmod(0)


def remove(home: Home, path: Path) -> None:
    path.unlink()


def link(home: Home, path: Path) -> None:
    os.link(home.models / "steady.safetensors", path)


def symlink(home: Home, path: Path) -> None:
    path.symlink_to("steady.safetensors")


def store_by_mmap(home: Home, path: Path) -> None:
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[30_000:30_008] = bytes(8)
        memory.flush()


DEEDS = {
    "copied": Deed(copy_in, None, is_there_before=False),
    "moved-in": Deed(move_in, None, is_there_before=False),
    "linked": Deed(link, None, is_there_before=False),
    "symlinked": Deed(symlink, None, is_there_before=False),
    "moved-out": Deed(move_out, "file-missing"),
    "removed": Deed(remove, "file-missing"),
    "truncated": Deed(truncate, "safetensors-truncated"),
    "overwritten": Deed(overwrite, "checksum-mismatch"),
    "mapped": Deed(store_by_mmap, "checksum-mismatch"),
    "forbidden": Deed(forbid, "read-permission-lost"),
}


def test_every_deed_is_seen(home: Home) -> None:
    names = {f"{name}.safetensors": deed for name, deed in DEEDS.items()}
    (home.folder / "source").write_bytes(sample(1, 50_000, 6))
    home.put("steady.safetensors", sample(2, 50_000, 6))
    for number, (name, deed) in enumerate(names.items()):
        if deed.is_there_before:
            home.put(name, sample(10 + number, 50_000, 6))
    with home.running() as daemon:
        control = started(daemon)
        since = control.last_event()
        for name, deed in names.items():
            deed.act(home, home.models / name)
        for name, deed in names.items():
            control.await_event(since, partial(is_outcome, home.models / name, deed.code))
        shown = [event for event in told(home) if event["seq"] > since and event["kind"] == "finding-opened"]
        wanted = {(str(home.models / name), deed.code) for name, deed in names.items() if deed.code is not None}
        assert {(event["path"], event["finding"]["code"]) for event in shown} >= wanted
        records = [*daemon.alerts("corruption-found"), *daemon.alerts("model-degraded"), *daemon.alerts("advice-given")]
        assert {(record["WAN_FILE"], record["WAN_FINDING"]) for record in records} >= wanted
        assert all(record["WAN_MODEL"] and record["WAN_SEVERITY"] and record["MESSAGE_ID"] for record in records)


def is_outcome(path: Path, code: str | None, event: Document) -> bool:
    if code is None:
        return event.get("status") == "healthy" and event["model_id"] == path.name
    return is_finding(event, str(path), code)


def is_finding(event: Document, path: str, code: str) -> bool:
    return bool(event["kind"] == "finding-opened" and event["path"] == path and event["finding"]["code"] == code)


def count(control: Control, status: str) -> int:
    return sum(row["status"] == status for row in control.status()["models"])


def await_count(control: Control, status: str, wanted: int) -> None:
    until(lambda: {"": 0} if count(control, status) == wanted else None, f"{wanted} models are {status}", every_s=0.1)


def test_a_tree_that_is_copied_in_is_seen_to_its_depth(home: Home) -> None:
    tree = home.folder / "tree"
    for number in range(300):
        folder = tree / f"{number % 10}" / f"{number % 30}" / "deep"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"m{number}.safetensors").write_bytes(sample(number, 2_000, 2))
    home.own(tree)
    with home.running() as daemon:
        control = started(daemon)
        subprocess.run(["cp", "-r", tree, home.models / "tree"], check=True)
        until(lambda: {"": 0} if files(control) == 300 else None, "all files are known", every_s=0.1)
        assert control.status()["status"] == "healthy"


def files(control: Control) -> int:
    return sum(row["file_count"] for row in control.status()["models"] if row["status"] == "healthy")


def test_a_root_that_is_renamed_and_comes_back(home: Home) -> None:
    home.put("w.safetensors", sample(3, 50_000, 6))
    away = home.folder / "away"
    with home.running() as daemon:
        control = started(daemon)
        since = control.last_event()
        home.models.rename(away)
        control.await_kind(since, "root-lost")
        control.await_status("w.safetensors", "unknown")
        away.rename(home.models)
        control.await_kind(since, "root-returned")
        control.await_status("w.safetensors", "healthy")
        os.truncate(home.models / "w.safetensors", 20_000)
        control.await_status("w.safetensors", "corrupted")
        kinds = [event["kind"] for event in control.events(since) if event["kind"].startswith("root")]
        assert kinds == ["root-lost", "root-returned"]
        assert not any(
            event.get("finding", {}).get("code") == "file-missing" for event in control.events(since) if event.get("finding")
        )


@pytest.mark.parametrize("replace", ["file", "dangling link"])
def test_a_root_in_whose_place_is_something_else(home: Home, replace: str) -> None:
    home.put("w.safetensors", sample(3, 50_000, 6))
    away = home.folder / "away"
    with home.running() as daemon:
        control = started(daemon)
        since = control.last_event()
        home.models.rename(away)
        if replace == "file":
            home.models.write_bytes(b"")
        else:
            home.models.symlink_to("nowhere")
        control.await_status("w.safetensors", "unknown")
        home.models.unlink()
        away.rename(home.models)
        control.await_status("w.safetensors", "healthy")
        kinds = [event["kind"] for event in control.events(since) if event["kind"].startswith("root")]
        assert kinds == ["root-lost", "root-returned"]


# Mounts


@pytest.fixture
def mounted_home(unprivileged: Unprivileged) -> MountedHome:
    folder = unprivileged.folder / "home"
    folder.mkdir()
    made = MountedHome(folder, unprivileged)
    made.configure([made.models], NEVER_POLLED)
    return made


def test_mounting_over_a_root_and_unmounting(mounted_home: MountedHome) -> None:
    home = mounted_home
    home.put("w.safetensors", sample(3, 50_000, 6))
    with home.running() as daemon:
        control = started(daemon)
        since = control.last_event()
        home.inside("mount", "-t", "tmpfs", "none", home.models)
        home.inside("sh", "-c", f"cp {home.folder}/config.toml {home.models}/x.txt; chmod 755 {home.models}")
        control.await_event(since, lambda event: is_finding(event, str(home.models / "w.safetensors"), "file-missing"))
        home.put_inside("new.safetensors", sample(4, 50_000, 6))
        control.await_status("new.safetensors", "healthy")
        since = control.last_event()
        home.inside("umount", home.models)
        control.await_status("w.safetensors", "healthy")
        control.await_event(since, lambda event: is_finding(event, str(home.models / "new.safetensors"), "file-missing"))


@pytest.mark.parametrize("place", [".", "sub"])
@pytest.mark.parametrize("how", ["umount", "umount -l"])
def test_a_bare_mount_point_makes_nothing_missing(mounted_home: MountedHome, place: str, how: str) -> None:
    home = mounted_home
    point = home.models / place
    image = home.folder / "image"
    point.mkdir(exist_ok=True)
    home.own(home.models)
    with home.running() as daemon:
        control = started(daemon)
        home.inside("mount", "-t", "tmpfs", "-o", f"uid={home.uid}", "models", image_folder(home, image))
        home.inside("mount", "--bind", image, point)
        home.put_inside(f"{place}/w.safetensors", sample(5, 50_000, 6))
        model = until(lambda: next(iter(control.status()["models"]), None), "the model is known")["id"]
        control.await_status(model, "healthy")
        since = control.last_event()
        home.inside(*how.split(), point)
        control.await_status(model, "unknown")
        (finding,) = control.model(model)["issues"]
        assert finding["code"] == "root-unreachable"
        assert "not mounted" in finding["message"]
        home.inside("mount", "--bind", image, point)
        control.await_status(model, "healthy")
        home.inside("rm", point / "w.safetensors")
        control.await_status(model, "missing")
        kinds = [event["kind"] for event in control.events(since)]
        assert (kinds.count("root-lost"), kinds.count("root-returned")) == (1, 1)


def image_folder(home: Home, image: Path) -> Path:
    """Where the file system lives on while it is not mounted in its place."""
    image.mkdir(exist_ok=True)
    return image


# Limits


def test_ten_watches_are_too_few_and_nothing_is_missed(unprivileged: Unprivileged) -> None:
    folder = unprivileged.folder / "home"
    folder.mkdir()
    home = LimitedHome(folder, unprivileged)
    home.configure([home.models], f'{RARELY}poll_every = "1s"\n')
    for number in range(30):
        home.put(f"folder-{number}/m.safetensors", sample(number, 20_000, 2))
    with home.running() as daemon:
        control = started(daemon)
        incomplete = control.await_kind(0, "watch-incomplete")
        assert "sysctl fs.inotify.max_user_watches=" in incomplete["message"]
        (row,) = control.status()["watching"]
        assert (row["folders_watched"], row["folders_not_watched"], row["reasons"]) == (10, 21, ["ENOSPC"])
        assert "21 of 31 folders" in home.healthctl("status").stdout
        since = control.last_event()
        for number in range(30):
            os.truncate(home.models / f"folder-{number}" / "m.safetensors", 10_000)
        await_count(control, "corrupted", 30)
        home.limit(1000)
        control.await_kind(since, "watch-complete")
        assert control.status()["watching"][0]["folders_not_watched"] == 0
        assert "cannot be watched" not in home.healthctl("status").stdout
        assert [len(daemon.alerts(name)) for name in ("watch-incomplete", "watch-complete")] == [1, 1], "said once"


def test_what_is_lost_in_an_overflow_is_found(home: Home) -> None:
    """A stopped daemon reads no events: the kernel's queue holds 16,384 of them."""
    home.put("first.safetensors", sample(3, 20_000, 2))
    with home.running() as daemon:
        control = started(daemon)
        for name in ("one.txt", "two.txt"):
            home.put(name, b"")
        daemon.process.send_signal(signal.SIGSTOP)
        for number in range(CHANGES_BEYOND_ANY_QUEUE):  # the kernel folds only what follows upon its like
            os.utime(home.models / ("one.txt" if number % 2 else "two.txt"))
        home.put("deep/er/last.safetensors", sample(4, 20_000, 2))
        os.truncate(home.models / "first.safetensors", 10_000)
        daemon.process.send_signal(signal.SIGCONT)
        control.await_status("first.safetensors", "corrupted")
        control.await_status("deep/er", "healthy")
        assert "overflowed" in daemon.said()


def test_a_storm(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.put("first.safetensors", sample(3, 20_000, 2))
    with home.running() as daemon:
        control = started(daemon)
        process = psutil.Process(daemon.process.pid)
        before = process.memory_info().rss
        storm = subprocess.Popen(["/bin/sh", "-c", _storm(home.models, STORM_FILES)])
        delays, most = [], before
        while storm.poll() is None or control.status()["activity"]["queued"]:
            begun = time.perf_counter()
            control.status()
            delays.append(time.perf_counter() - begun)
            most = max(most, process.memory_info().rss)
            time.sleep(0.05)
        on_disk = sum(1 for path in home.models.rglob("*") if path.is_file())
        until(lambda: {"": 0} if files_known(control) == on_disk else None, "the state equals the disk", every_s=1.0)
        delays.sort()
        with capsys.disabled():
            p50, p99 = (delays[int(len(delays) * part)] * 1e3 for part in (0.5, 0.99))
            print(f"\nstorm of {STORM_FILES} files: /v1/status p50 {p50:.0f} ms, p99 {p99:.0f} ms; ", end="")
            print(f"RSS {before / 2**20:.0f} MiB, at most {most / 2**20:.0f} MiB")
        assert daemon.process.poll() is None


def _storm(folder: Path, number: int) -> str:
    """Models of 100 files each are made file by file; some files are changed, and some folders moved; as fast as it goes."""
    return f"""
i=0
while [ $i -lt {number} ]; do
    m={folder}/m$((i / 100))
    [ -d $m ] || {{ mkdir $m; echo '{{"a": 1}}' > $m/config.json; }}
    cp {folder}/first.safetensors $m/$i.safetensors
    [ $((i % 10)) = 0 ] && printf x | dd of=$m/$i.safetensors bs=1 seek=15000 conv=notrunc status=none
    [ $((i % 500)) = 499 ] && mv $m $m-moved
    i=$((i + 1))
done
"""


def files_known(control: Control) -> int:
    return sum(row["file_count"] for row in control.status()["models"] if row["status"] == "healthy")
