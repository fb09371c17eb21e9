"""Programs that people fetch models with, each in its own way: no damage while they write, right as soon as it is whole."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.end_to_end.test_followed_downloads import CONTENT, DIGEST, NAME, WEIGHTS, magic_of, otherwise
from tests.fakes.hub import Hub, Repository, running_in_thread
from tests.support.control import Document, until
from tests.support.daemons import Home, RunningDaemon
from wan_healthd.kernel.writers import LEASED_FOR_ALL

TRICKLE_S = 0.06
PATIENCE_S = 30.0


class Fetch(NamedTuple):
    """What is fetched, from where, and to where."""

    url: str
    source: Path
    folder: Path

    @property
    def target(self) -> Path:
        return self.folder / WEIGHTS


def wget(fetch: Fetch) -> list[str]:
    return ["wget", "-q", "-O", str(fetch.target), fetch.url]


def curl(fetch: Fetch) -> list[str]:
    return ["curl", "-sf", "-o", str(fetch.target), fetch.url]


def rsync(fetch: Fetch) -> list[str]:
    return ["rsync", "--bwlimit=20000", str(fetch.source), str(fetch.target)]


def aria2(fetch: Fetch, *more: str) -> list[str]:
    """It reserves the space of the whole file first, and keeps a control file beside it."""
    return ["aria2c", "-q", "--no-conf", *more, "-d", str(fetch.folder), "-o", WEIGHTS, fetch.url]


def aria2_reserved(fetch: Fetch) -> list[str]:
    return aria2(fetch, "--file-allocation=falloc", "-s1")


def aria2_here_and_there(fetch: Fetch) -> list[str]:
    return aria2(fetch, "-x4", "-s4", "-k1M")


def paths_in_work(daemon: RunningDaemon, folder: Path) -> set[str]:
    """Files below the folder that the worker has open."""
    workers = psutil.Process(daemon.process.pid).children()
    return {file.path for worker in workers for file in worker.open_files() if file.path.startswith(f"{folder}/")}


@pytest.mark.parametrize(
    ("program", "is_followed"),
    [(wget, True), (curl, True), (rsync, True), (aria2_reserved, True), (aria2_here_and_there, False)],
)
def test_a_download_by(home: Home, tmp_path: Path, program: Callable[[Fetch], list[str]], is_followed: bool) -> None:
    if is_followed and magic_of(home.models) not in LEASED_FOR_ALL:
        pytest.skip("nothing is followed on this file system")
    hub = Hub(Repository(NAME, {WEIGHTS: CONTENT}))
    hub.trickles[WEIGHTS] = TRICKLE_S
    source, folder = tmp_path / WEIGHTS, home.models / "wan"
    source.write_bytes(CONTENT)
    with running_in_thread(hub) as url, home.running() as daemon:
        control = daemon.control
        control.await_kind(0, "sweep-finished")
        control.post("/v1/sweeps/pause", {"reason": "to see what is said before the disk is read"})
        folder.mkdir()
        (folder / "SHA256SUMS").write_text(f"{DIGEST}  {WEIGHTS}\n")
        fetch = Fetch(f"{url}/{NAME}/resolve/main/{WEIGHTS}", source, folder)
        assert shutil.which(program(fetch)[0]), "packaging/test-packages.txt is not installed"
        fetching = subprocess.Popen(program(fetch))
        try:
            if is_followed:
                until(lambda: dict.fromkeys(paths_in_work(daemon, folder)), "it is followed", every_s=0.05)
            hub.trickles.clear()
            assert fetching.wait(PATIENCE_S) == 0
        finally:
            fetching.kill()
            fetching.wait()
        control.await_status("wan", "healthy")
        row = until(lambda: row_of(daemon, fetch.target), "the file is judged")
        assert row["sha256"] == DIGEST
        accused = {event["finding"]["code"] for event in control.events() if event["kind"] == "finding-opened"}
        assert accused <= {"could-not-judge"}, "nothing else is said of a file that is not whole yet"
        control.post("/v1/sweeps/resume", {})
        until(lambda: otherwise(row_of(daemon, fetch.target), "as-received"), "the file is read from the disk")


def row_of(daemon: RunningDaemon, path: Path) -> Document | None:
    rows = (row for row in daemon.control.files("wan") if row["path"] == str(path))
    return next((row for row in rows if row["assurance"] is not None), None)
