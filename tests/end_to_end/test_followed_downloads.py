"""Downloads that are followed while they grow: right as soon as they are whole, and never so by what is not there any more."""

from __future__ import annotations

import hashlib
import mmap
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.fakes.hub import Hub, Repository, running_in_thread
from tests.fakes.safetensors_files import sample
from tests.support.control import Control, Document, until
from tests.support.daemons import Home, RunningDaemon
from tests.support.hub_client import HubClient
from wan_healthd.kernel.filesystem import EXT_MAGIC, XFS_MAGIC, filesystem_magic
from wan_healthd.kernel.writers import LEASED_FOR_ALL
from wan_healthd.services.passes import SMALL_BYTES

MIB = 1 << 20
NAME, WEIGHTS, CONFIG = "org/name", "wan.safetensors", "config.json"
CONTENT = sample(1, 120 * MIB, 4)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
STEP_BYTES = 64 << 10
CLIENT_S = 20.0
BAD_AT = 9 * MIB + 12_345


@pytest.fixture
def home(home: Home) -> Home:
    if magic_of(home.models) not in LEASED_FOR_ALL:
        pytest.skip("nothing is followed on this file system")
    return home


def magic_of(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        return filesystem_magic(descriptor)
    finally:
        os.close(descriptor)


def is_followed(daemon: RunningDaemon) -> bool:
    """Whether the worker has an unfinished file open."""
    for worker in psutil.Process(daemon.process.pid).children():
        for entry in Path(f"/proc/{worker.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                if os.readlink(entry).endswith(".incomplete"):
                    return True
    return False


class Slow(NamedTuple):
    """A download that is under way, and followed."""

    daemon: RunningDaemon
    folder: Path
    partial: Path

    @property
    def control(self) -> Control:
        return self.daemon.control

    def end(self) -> None:
        """As downloaders do."""
        self.partial.rename(self.folder / WEIGHTS)

    def row(self) -> Document | None:
        """The file's row, once it was judged."""
        if not any(row["id"] == self.folder.name for row in self.control.status()["models"]):
            return None
        rows = (row for row in self.control.files(self.folder.name) if row["path"] == str(self.folder / WEIGHTS))
        return next((row for row in rows if row["assurance"] is not None), None)


@contextmanager
def slowly(home: Home) -> Iterator[Slow]:
    """Somebody writes a file, piece by piece until it is followed, then the rest; sweeps are paused, so only news is read."""
    with home.running() as daemon:
        daemon.control.await_kind(0, "sweep-finished")
        daemon.control.post("/v1/sweeps/pause", {"reason": "to see what is said before the disk is read"})
        folder = home.models / "wan"
        folder.mkdir()
        (folder / "SHA256SUMS").write_text(f"{DIGEST}  {WEIGHTS}\n")
        slow = Slow(daemon, folder, folder / f"{WEIGHTS}.incomplete")
        with open(slow.partial, "wb", buffering=0) as file:
            done = file.write(CONTENT[: SMALL_BYTES + MIB])
            while not is_followed(daemon) and done < len(CONTENT) - MIB:
                done += file.write(CONTENT[done : done + STEP_BYTES])
                time.sleep(0.02)
            assert is_followed(daemon)
            file.write(CONTENT[done:])
        yield slow


def test_a_followed_file_is_right_before_the_disk_is_read_and_proven_after(home: Home) -> None:
    with slowly(home) as slow:
        slow.end()
        row = until(slow.row, "the file is judged")
        assert (row["assurance"], row["verified_by"], row["sha256"]) == ("as-received", "sidecar", DIGEST)
        slow.control.await_status("wan", "healthy")
        (model,) = slow.control.status()["models"]
        assert model["oldest_read_at"] is None, "nothing but the disk counts"
        slow.control.post("/v1/sweeps/resume", {})
        proof = until(lambda: otherwise(slow.row(), "as-received"), "the file is read from the disk")
        if magic_of(home.models) in (EXT_MAGIC, XFS_MAGIC):
            assert proof["assurance"] == "disk"


def otherwise(row: Document | None, assurance: str) -> Document | None:
    return None if row is None or row["assurance"] == assurance else row


def write_back(path: Path) -> None:
    with open(path, "r+b", buffering=0) as file:
        os.pwrite(file.fileno(), bytes([CONTENT[BAD_AT] ^ 1]), BAD_AT)


def store_in_mapping(path: Path) -> None:
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapping:
        mapping[BAD_AT] ^= 1


def cut_and_fill(path: Path) -> None:
    os.truncate(path, BAD_AT)
    os.truncate(path, len(CONTENT))


@pytest.mark.parametrize("spoil", [write_back, store_in_mapping, cut_and_fill])
def test_what_came_in_right_and_was_spoilt_is_damaged(home: Home, spoil: Callable[[Path], None]) -> None:
    with slowly(home) as slow:
        spoil(slow.partial)
        seen = slow.control.last_event()
        slow.end()
        until(slow.row, "the file is judged")
        (issue,) = slow.control.await_status("wan", "corrupted")["issues"]
        assert issue["code"] == "checksum-mismatch"
        assert not any("healthy" in event["message"] for event in slow.control.events(seen))


def test_the_hub_client_s_file_keeps_its_digest_when_it_is_renamed(home: Home, tmp_path: Path) -> None:
    repository = Repository(NAME, {CONFIG: b'{"_class_name": "WanModel", "dim": 5120}', WEIGHTS: CONTENT})
    hub = Hub(repository)
    hub.trickles[WEIGHTS] = 0.06
    with running_in_thread(hub) as url, home.running() as daemon:
        control = daemon.control
        control.await_kind(0, "sweep-finished")
        control.post("/v1/sweeps/pause", {"reason": "to see what is said before the disk is read"})
        local = home.models / "wan"
        client = HubClient(tmp_path / "home", tmp_path / "cache", url).downloading(NAME, local=local)
        try:
            until(lambda: {} if is_followed(daemon) else None, "the download is followed", every_s=0.05)
            hub.trickles.clear()
            assert client.wait(CLIENT_S) == 0
        finally:
            client.kill()
            client.wait()
        slow = Slow(daemon, local, local)
        row = until(slow.row, "the file is judged")
        assert (row["assurance"], row["sha256"]) == ("as-received", DIGEST)
        control.post("/v1/sweeps/resume", {})
        control.await_status("wan", "healthy")
