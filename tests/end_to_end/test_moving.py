"""A backup, a move to another disk, a restore: what broke on the way is found, and the rest is proven, not taken for new."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.control import Control, Document, until
from tests.support.daemons import Home
from tests.support.damage import edit, flip_bit
from tests.support.rotting_disk import Disk
from wan_healthd.domain.digests import BLOCK_BYTES

MAIN = ["-m", "wan_healthd.daemon.main"]
CONFIG = b'{"model_type": "wan"}'
SIZE_BYTES = 3 * BLOCK_BYTES
FLIPPED_AT = 2 * BLOCK_BYTES + 77
SOUND, DAMAGED, LOST = "kept/a.safetensors", "kept/b.safetensors", "gone/c.safetensors"


@pytest.fixture
def kept(home: Home, tmp_path: Path) -> Iterator[tuple[Home, Path]]:
    """A home whose daemon judged three files, and a backup that was made while it ran."""
    for seed, name in enumerate((SOUND, DAMAGED, LOST)):
        home.put(name, sample(seed=seed, size_bytes=SIZE_BYTES, tensors=8))
    for model in ("kept", "gone"):
        home.put(f"{model}/config.json", CONFIG)
    backup = tmp_path / "backup.db"
    with home.running():
        await_all(home.control, "healthy")
        said = home.run([*MAIN, "--backup-state", backup])
        assert (said.returncode, said.stderr) == (0, ""), said.stderr
        assert "2 models, 5 files" in said.stdout
    yield home, backup


def await_all(control: Control, status: str) -> None:
    def look() -> Document | None:
        found = control.status()
        statuses = {model["status"] for model in found["models"]}
        return found if len(found["models"]) == 2 and statuses == {status} else None

    until(look, f"both models are {status}")


def await_full_sweep(control: Control) -> None:
    """The one that a restoration asks for."""
    restored = control.await_kind(0, "state-restored")["seq"]
    control.await_event(restored, lambda event: event["kind"] == "sweep-finished" and event["message"].startswith("full"))


def digests(home: Home) -> dict[str, str]:
    """The SHA-256 of each file that the state expects, by the file's name."""
    with closing(sqlite3.connect(home.database)) as connection:
        rows = connection.execute("SELECT path, expectation.sha256 FROM path JOIN expectation ON path_id = path.id")
        return {Path(path.decode()).name: sha256 for path, sha256 in rows}


def test_what_broke_in_the_move_is_found_and_the_rest_is_proven(kept: tuple[Home, Path], disk: Disk) -> None:
    home, backup = kept
    recorded = digests(home)
    moved = disk.mount / "models"
    shutil.copytree(home.models, moved)
    edit(moved / DAMAGED, flip_bit(FLIPPED_AT))
    shutil.rmtree(moved / "gone")
    shutil.rmtree(home.models)
    shutil.rmtree(home.database.parent)
    home.configure([moved])
    assert subprocess.run(["sha256sum", "-c", f"{backup}.sha256"], cwd=backup.parent, check=False).returncode == 0

    said = home.run([*MAIN, "--restore-state", backup, "--moved-root", home.models, moved])
    assert (said.returncode, said.stderr) == (0, ""), said.stderr
    with home.running():
        control = home.control
        await_full_sweep(control)
        kept_model = control.await_status("kept", "corrupted")
        control.await_status("gone", "missing")
        rows = {Path(row["path"]).name: row for row in control.files("kept")}
        events = control.events()
    (issue,) = kept_model["issues"]
    assert (issue["code"], issue["path"]) == ("checksum-mismatch", str(moved / DAMAGED))
    assert issue["ranges"] == [{"offset": FLIPPED_AT // BLOCK_BYTES * BLOCK_BYTES, "length": BLOCK_BYTES}]
    assert rows["a.safetensors"]["status"] == "healthy"
    assert rows["a.safetensors"]["sha256"] == recorded["a.safetensors"]
    assert rows["a.safetensors"]["assurance"] == "disk", "it was read, from the disk, in its new place"
    assert digests(home) == recorded, "no new baseline was made of what came out of the move"
    assert {"state-restored", "root-moved"} <= {event["kind"] for event in events}


def test_a_restored_state_is_another_stream_and_reads_everything_again(kept: tuple[Home, Path]) -> None:
    home, backup = kept
    before = home.database.read_bytes()
    with home.running():
        stream = home.control.get("/v1/events?since=0")["stream"]
        said = home.run([*MAIN, "--restore-state", backup])
        assert (said.returncode, "another wan-healthd works on it" in said.stderr) == (6, True)
    file = home.models / SOUND
    facts = file.stat()
    edit(file, flip_bit(FLIPPED_AT), keep_mtime=True)
    said = home.run([*MAIN, "--restore-state", backup])
    assert said.returncode == 0, said.stderr
    (aside,) = [path for path in home.database.parent.glob("state.db.replaced-*") if path.suffix not in (".db-wal", ".db-shm")]
    assert aside.stat().st_mode & 0o777 == 0o600 and len(aside.read_bytes()) >= len(before) // 2
    assert file.stat().st_size == facts.st_size
    with home.running() as daemon:
        answer = home.control.get("/v1/events?since=0&limit=1000")
        assert answer["stream"] != stream
        assert "state-restored" in {event["kind"] for event in answer["events"]}
        await_full_sweep(home.control)
        assert home.control.await_status("kept", "corrupted")["issues"][0]["path"] == str(file)
        assert daemon.await_alerts("state-restored")


def test_a_root_that_was_renamed_keeps_its_verdicts_by_the_files_themselves(kept: tuple[Home, Path]) -> None:
    home, _ = kept
    renamed = home.folder / "elsewhere"
    home.models.rename(renamed)
    said = home.run([*MAIN, "--moved-root", home.models, renamed])
    assert (said.returncode, "5 files of 2 models" in said.stdout) == (0, True), said.stderr
    home.configure([renamed])
    recorded = digests(home)
    with home.running():
        await_all(home.control, "healthy")
        assert [issue for row in ("kept", "gone") for issue in home.control.model(row)["issues"]] == []
    assert digests(home) == recorded
    again = home.run([*MAIN, "--moved-root", home.models, renamed])
    assert (again.returncode, f"the roots that it knows: {renamed}" in again.stderr) == (2, True)


def test_root_acts_for_the_user_whose_state_it_is(unprivileged_home: Home, tmp_path: Path) -> None:
    home = unprivileged_home
    if home.user is None:
        pytest.skip("only root can act for others")
    home.put(SOUND, sample(seed=1, size_bytes=SIZE_BYTES, tensors=8))
    home.put("kept/config.json", CONFIG)
    with home.running():
        home.control.await_status("kept", "healthy")
    as_root = {"XDG_STATE_HOME": str(home.folder / "state"), "PATH": "/usr/bin:/bin"}
    backup = tmp_path / "mine.db"
    for option in ("--backup-state", "--restore-state"):
        command = [home.user.python, *MAIN, option, backup]
        said = subprocess.run(command, env=as_root, capture_output=True, text=True, check=False, timeout=30)
        assert said.returncode == 0, said.stderr
    assert backup.stat().st_uid == 0
    strangers = [path for path in home.database.parent.iterdir() if path.stat().st_uid != home.uid]
    assert strangers == [], "a file of root's beside the state would lock its daemon out"
    with home.running():
        home.control.await_status("kept", "healthy")
