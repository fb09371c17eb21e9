"""`kill -9` of the worker and of the daemon in the midst of a read: back, sound, and nothing read again without need."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.fakes.safetensors_files import make, sample
from tests.support.control import Document, until
from tests.support.daemons import STOP_S, Home, RunningDaemon
from tests.support.damage import block_of, edit, flip_bit
from tests.support.slow_motion import is_reading, slow_down_until

MIB = 1 << 20
SAVED_BYTES = 256 * MIB
"""Issue 2: progress is committed every 256 MiB or 5 s."""
LARGE_BYTES = 384 * MIB
SMALL, BROKEN, LARGE = "small.safetensors", "broken.safetensors", "large.safetensors"
FLIPPED_BYTE = 1_500_000


@pytest.fixture(scope="module")
def large_file() -> Iterator[Path]:
    """A safetensors file of 384 MiB without holes; random bytes, so that no file system can shrink it."""
    folder = Path(tempfile.mkdtemp(prefix="wan-large-"))
    try:
        path = folder / LARGE
        with path.open("wb") as file:
            block = os.urandom(MIB)
            header = make({"w": ("U8", (LARGE_BYTES,), b"")}).replace(
                b'"data_offsets":[0,0]', b'"data_offsets":[0,%d]' % LARGE_BYTES
            )
            file.write((len(header) - 8).to_bytes(8, "little") + header[8:])
            for _ in range(LARGE_BYTES // MIB):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        yield path
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def home(home: Home, large_file: Path) -> Home:
    """Two small models, one of them damaged after it was first read, and a large one that is not among them yet."""
    home.put(SMALL, sample(1, 3_000_000, 12))
    home.put(BROKEN, sample(2, 3_000_000, 12))
    os.link(large_file, home.folder / LARGE)
    return home


def break_a_small_one(daemon: RunningDaemon) -> None:
    since = daemon.control.last_event()
    edit(daemon.home.models / BROKEN, flip_bit(FLIPPED_BYTE))
    daemon.control.await_kind(since, "finding-opened")


def started(daemon: RunningDaemon) -> None:
    """Wait until the sweep that comes with a start is done."""
    begun = [event["seq"] for event in daemon.control.events() if event["kind"] == "daemon-started"]
    daemon.control.await_kind(begun[-1], "sweep-finished")


def catch_first_read(daemon: RunningDaemon) -> psutil.Process:
    """Bring the large file in and stop the worker in the midst of it; returns the stopped worker."""
    worker = daemon.worker()
    worker.suspend()
    path = daemon.home.move_in(daemon.home.folder / LARGE, LARGE)
    slow_down_until(daemon, worker, is_reading(path))
    return worker


def catch_full_check(daemon: RunningDaemon) -> tuple[psutil.Process, int]:
    """Ask for a full check of the large file and stop the worker once progress was saved; returns it and the bytes so far."""
    control, worker = daemon.control, daemon.worker()
    before = control.status()["activity"]["bytes_read"]
    worker.suspend()
    control.begin_check(LARGE, full=True)
    slow_down_until(daemon, worker, lambda activity: activity["bytes_read"] - before >= SAVED_BYTES)
    time.sleep(0.3)  # what was read is being committed
    activity = control.status()["activity"]
    assert activity["reading"] == [str(daemon.home.models / LARGE)], "the read ended before it could be caught"
    return worker, activity["bytes_read"] - before


def read_all(daemon: RunningDaemon) -> int:
    """Have the large file read once and healthy; returns its size."""
    path = daemon.home.move_in(daemon.home.folder / LARGE, LARGE)
    daemon.control.await_status(LARGE, "healthy")
    return path.stat().st_size


def assert_sound(home: Home) -> None:
    """The state as the crash left it passes SQLite's own check; looked at in a copy, so that nobody mends it by looking."""
    copy = Path(shutil.copytree(home.database.parent, home.folder / "autopsy")) / home.database.name
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def findings_of(daemon: RunningDaemon, model: str) -> list[Document]:
    found: list[Document] = daemon.control.model(model)["issues"]
    return found


# The worker


def test_a_read_outlives_its_worker(home: Home) -> None:
    with home.running() as daemon:
        started(daemon)
        worker = catch_first_read(daemon)
        worker.kill()
        verdict = daemon.control.await_status(LARGE, "healthy")
        assert verdict["issues"] == []
        (alert,) = daemon.await_alerts("worker-lost")
        assert "SIGKILL" in alert["MESSAGE"]
        assert alert["WAN_ALERT"] == "warning"
        assert daemon.alerts("corruption-found") == []
        assert daemon.worker().pid != worker.pid


def test_the_loss_of_a_worker_is_an_event(home: Home) -> None:
    with home.running() as daemon:
        started(daemon)
        since = daemon.control.last_event()
        daemon.worker().kill()
        assert daemon.control.check(SMALL, full=True)["is_healthy"]
        assert "SIGKILL" in daemon.control.await_kind(since, "worker-lost")["message"]


def test_damage_is_found_once_although_the_worker_is_lost_over_it(home: Home) -> None:
    with home.running() as daemon:
        started(daemon)
        size = read_all(daemon)
        worker = daemon.worker()
        worker.suspend()
        edit(home.models / LARGE, flip_bit(size - 5))
        slow_down_until(daemon, worker, is_reading(home.models / LARGE))
        worker.kill()
        daemon.control.await_status(LARGE, "corrupted")
        (finding,) = daemon.control.check(LARGE)["issues"]
        assert finding["ranges"] == [block_of(size - 5, size)]
        assert finding["tensors"] == ["w"]
        assert [alert["WAN_MODEL"] for alert in daemon.alerts("corruption-found")] == [LARGE]
        assert len(daemon.alerts("worker-lost")) == 1
        edit(home.models / LARGE, flip_bit(size - 5))  # the file is shared by this module's tests
        daemon.control.await_status(LARGE, "healthy")


# The daemon


def test_the_worker_ends_with_the_daemon(home: Home) -> None:
    with home.running() as daemon:
        started(daemon)
        worker = daemon.worker()
        daemon.kill()
        worker.wait(STOP_S)


def test_a_first_read_that_the_daemon_did_not_survive(home: Home) -> None:
    with home.running() as daemon:
        started(daemon)
        break_a_small_one(daemon)
        (finding,) = findings_of(daemon, BROKEN)
        worker = catch_first_read(daemon)
        told = daemon.control.events()
        daemon.kill()
        worker.resume()
        worker.wait(STOP_S)
    assert_sound(home)
    with home.running() as daemon:
        control = daemon.control
        assert control.model(LARGE)["health_status"] == "unknown"
        assert findings_of(daemon, BROKEN) == [finding]
        control.await_status(LARGE, "healthy")
        control.await_kind(told[-1]["seq"], "sweep-finished")
        # The large file from its start, since SHA-256 has no half-way state; no byte of the others.
        assert control.status()["activity"]["bytes_read"] == (home.models / LARGE).stat().st_size
        assert findings_of(daemon, BROKEN) == [finding]
        assert control.model(SMALL)["health_status"] == "healthy"
        assert_history_goes_on(daemon, told)
        assert daemon.alerts("corruption-found") == []  # it was told before the crash


def assert_history_goes_on(daemon: RunningDaemon, told: list[Document]) -> None:
    """What was told stands as it was told, and no number is used twice."""
    now = daemon.control.events()
    assert now[: len(told)] == told
    numbers = [event["seq"] for event in now]
    assert numbers == sorted(set(numbers))
    assert {event["stream"] for event in now} == {told[0]["stream"]}
    assert not [event for event in now[len(told) :] if event["kind"] == "finding-opened" and event["model_id"] == BROKEN]


def test_a_full_check_that_the_daemon_did_not_survive_resumes_at_its_block(home: Home) -> None:
    with home.running() as daemon:
        started(daemon)
        size = read_all(daemon)
        worker, _ = catch_full_check(daemon)
        told = daemon.control.events()
        daemon.kill()
        worker.resume()
        worker.wait(STOP_S)
    assert_sound(home)
    with home.running() as daemon:
        assert_resumes(daemon, size - SAVED_BYTES)
        assert_history_goes_on(daemon, told)


def test_a_full_check_that_was_stopped_resumes_at_its_block(home: Home) -> None:
    with home.running() as daemon:
        started(daemon)
        size = read_all(daemon)
        worker, done = catch_full_check(daemon)
        began = time.monotonic()
        assert daemon.stop() == 0  # although its worker hangs
        assert time.monotonic() - began < STOP_S
        worker.wait(STOP_S)
        (farewell,) = daemon.alerts("daemon-stopped")
        assert "goes on from there after the next start" in farewell["MESSAGE"]
    assert_sound(home)
    with home.running() as daemon:
        assert_resumes(daemon, size - done)


def assert_resumes(daemon: RunningDaemon, most_bytes: int) -> None:
    """The check goes on by itself and reads only what was not read before; the next one reads everything again."""
    started(daemon)
    resumed = at_rest(daemon)
    assert 0 < resumed <= most_bytes
    assert daemon.control.check(LARGE, full=True)["is_healthy"]
    assert at_rest(daemon) - resumed == (daemon.home.models / LARGE).stat().st_size


def at_rest(daemon: RunningDaemon) -> int:
    """Wait until nothing is read any more; returns the bytes that were read since the start."""

    def look() -> Document | None:
        activity: Document = daemon.control.status()["activity"]
        return None if activity["reading"] or activity["queued"] else activity

    return int(until(look, "nothing is read any more")["bytes_read"])
