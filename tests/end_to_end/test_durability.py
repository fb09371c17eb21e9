"""The daemon and its state: damaged, gone, full, in use, rebuilt. Said plainly each time, and nothing found is forgotten."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.control import until
from tests.support.daemons import STOP_S, Home, RunningDaemon
from tests.support.damage import edit, flip_bit

NAME = "a.safetensors"
FAILED = 6


@pytest.fixture
def home(home: Home) -> Home:
    home.put(NAME, sample(1, 3_000_000, 12))
    return home


def good_copy(home: Home) -> Path:
    return home.database.with_name("state.db.good")


def settled(daemon: RunningDaemon) -> None:
    """The model is known as healthy, and there is a good copy of that."""
    daemon.control.await_status(NAME, "healthy")
    until(lambda: {} if good_copy(daemon.home).exists() else None, "there is a good copy")


def spoil(home: Home) -> None:
    """The log goes, too: on a busy machine it may outlive the daemon, and would put the pages right again."""
    for kind in ("wal", "shm"):
        home.database.with_name(f"state.db-{kind}").unlink(missing_ok=True)
    with home.database.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(4 * 4096))


def refusal(home: Home, *more: str) -> subprocess.CompletedProcess[str]:
    """A start that ends by itself."""
    return home.run([*home.daemon_arguments(), *more])


def ended(daemon: RunningDaemon) -> int:
    return daemon.process.wait(STOP_S)


def test_a_damaged_state_is_replaced_by_its_good_copy_and_that_is_said(home: Home) -> None:
    with home.running() as daemon:
        settled(daemon)
        stream = daemon.control.get("/v1/events")["stream"]
    spoil(home)
    with home.running() as daemon:
        daemon.control.await_status(NAME, "healthy")
        (alert,) = until(lambda: {"told": told} if (told := daemon.alerts("state-restored")) else None, "it is told")["told"]
        assert alert["WAN_ALERT"] == "critical"
        assert "baselines since then are lost" in alert["MESSAGE"]
        page = daemon.control.get("/v1/events")
        assert page["stream"] != stream, "numbers that were told since the copy are used again, under another name"
        assert "state-restored" in [event["kind"] for event in page["events"]]
        assert page["first_event"] == page["events"][0]["seq"]
        assert daemon.control.status()["activity"]["bytes_read"] == 0, "what the copy knows is not read again"
    assert len(list(home.database.parent.glob("state.db.damaged-*"))) == 1
    with home.running() as daemon:
        assert daemon.alerts("state-restored") == [], "it is told once"


def test_damage_behind_the_copy_is_found_again(home: Home) -> None:
    with home.running() as daemon:
        settled(daemon)
        edit(home.models / NAME, flip_bit(2_000_000))
        daemon.control.await_status(NAME, "corrupted")
    spoil(home)
    with home.running() as daemon:
        assert daemon.control.await_status(NAME, "corrupted")["issues"][0]["corruption_type"] == "checksum_mismatch"


def test_without_a_copy_there_is_no_new_baseline_until_somebody_says_so(home: Home) -> None:
    with home.running() as daemon:
        settled(daemon)
    good_copy(home).unlink()
    spoil(home)
    for _ in range(2):
        said = refusal(home)
        assert said.returncode == FAILED
        assert "it is damaged" in said.stderr
        assert "wan-healthd --rebuild-state" in said.stderr
        assert "Traceback" not in said.stderr
    rebuilt = refusal(home, "--rebuild-state")
    assert (rebuilt.returncode, rebuilt.stderr) == (0, "")
    assert "set aside" in rebuilt.stdout
    assert "new baseline" in rebuilt.stdout
    with home.running() as daemon:
        daemon.control.await_status(NAME, "healthy")


@pytest.mark.parametrize("more", [[], ["--rebuild-state"]], ids=["a second daemon", "rebuilding"])
def test_a_state_in_use_is_left_alone(home: Home, more: list[str]) -> None:
    other = home.folder / "other.toml"
    other.write_text(home.config.read_text().replace("control.sock", "other.sock"))
    with home.running() as daemon:
        settled(daemon)
        said = home.run([*home.daemon_arguments(other), *more])
        assert said.returncode == FAILED
        assert "another wan-healthd works on it" in said.stderr
        assert daemon.control.model(NAME)["is_healthy"]
    assert home.database.exists()
    assert good_copy(home).exists()


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_state_that_is_lost_under_the_daemon_ends_it(home: Home, is_deleted: bool) -> None:
    with home.running() as daemon:
        settled(daemon)
        if is_deleted:
            home.database.unlink()
        else:
            spoilt = home.database.with_name("spoilt")
            spoilt.write_bytes(b"somebody's idea of a repair" * 200)
            spoilt.rename(home.database)
        edit(home.models / NAME, flip_bit(2_000_000))
        assert ended(daemon) == FAILED
        (alert,) = daemon.alerts("state-damaged")
        assert alert["WAN_ALERT"] == "critical"
        assert "Traceback" not in daemon.said()
    with home.running() as daemon:
        until(lambda: {} if daemon.alerts("state-restored") else None, "the restoration is told")
        daemon.control.await_status(NAME, "corrupted")


@contextmanager
def small_disk(home: Home) -> Iterator[Path]:
    """The state's folder on a file system of 4 MiB; yields a file that fills it when it is written."""
    folder = home.database.parent
    folder.mkdir(parents=True)
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"this machine mounts no tmpfs: {mounted.stderr.decode().strip()}")
    try:
        yield folder / "filler"
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def test_a_full_disk_is_told_and_what_happened_meanwhile_is_made_good_for(home: Home) -> None:
    with small_disk(home) as filler, home.running() as daemon:
        control = daemon.control
        control.await_status(NAME, "healthy")
        fill(filler)
        path = home.models / NAME

        numbers = itertools.count()

        def refuses() -> dict[str, object] | None:
            home.put(f"{next(numbers)}.safetensors", b"something to record, until the log is full as well")
            found = [issue for issue in control.status()["issues"] if issue["code"] == "state-unwritable"]
            return found[0] if found else None

        issue = until(refuses, "the state refuses", every_s=0.2)
        assert "full" in str(issue["message"])
        assert "free some space" in str(issue["suggestion"])
        assert control.status()["status"] == "unknown"
        edit(path, flip_bit(2_000_000))
        time.sleep(2.0)
        assert control.model(NAME)["is_healthy"], "it could not be recorded"
        assert daemon.process.poll() is None
        filler.unlink()
        control.await_status(NAME, "corrupted")
        until(lambda: {} if daemon.alerts("state-writable-again") else None, "that it works again is told")
        assert daemon.alerts("state-unwritable")[0]["WAN_ALERT"] == "critical"
        assert control.status()["issues"] == []
        kinds = [event["kind"] for event in control.events()]
        assert kinds.index("state-unwritable") < kinds.index("state-writable-again")
        assert "Traceback" not in daemon.said()


def test_a_full_disk_does_not_keep_it_from_stopping(home: Home) -> None:
    with small_disk(home) as filler:
        with home.running() as daemon:
            daemon.control.await_status(NAME, "healthy")
            fill(filler)
            began = time.monotonic()
            assert daemon.stop() == 0
            assert time.monotonic() - began < STOP_S
            assert "Traceback" not in daemon.said()
        filler.unlink()
        with home.running() as daemon:
            daemon.control.await_status(NAME, "healthy")
