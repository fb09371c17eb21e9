"""`healthctl doctor` where things are really broken: each fault is named, with what cures it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.bad_disk import bad_disk
from tests.support.control import Document, until
from tests.support.daemons import Home
from tests.support.namespaces import LimitedHome
from tests.support.rotting_disk import Disk
from tests.support.unprivileged import Unprivileged

SMALL = sample(seed=1, size_bytes=1 << 16, tensors=2)


def examined(home: Home) -> list[Document]:
    said = home.healthctl("doctor", "--json")
    assert said.stderr == ""
    document = json.loads(said.stdout)
    found: list[Document] = document["diagnoses"]
    assert said.returncode == int(any(item["verdict"] == "problem" for item in found)), said.stdout
    assert all(item["found"] and (item["cure"] != "") == (item["verdict"] in ("warning", "problem")) for item in found)
    return found


def one(found: list[Document], check: str, subject: Any = "") -> Document:
    (item,) = [item for item in found if (item["check"], item["subject"]) == (check, str(subject))]
    return item


def test_a_sound_daemon_has_no_problem_and_says_so(home: Home) -> None:
    home.put("m/a.safetensors", SMALL)
    with home.running():
        until(lambda: home.control.status() if home.control.status()["models"] else None, "the model is known")
        found = examined(home)
        assert [item for item in found if item["verdict"] == "problem"] == []
        assert "1 files in 2 folders" in one(found, "root", home.models)["found"]
        assert one(found, "worker")["verdict"] in ("ok", "warning")
        told = home.healthctl("doctor", "--verbose").stdout
        assert "0 problems, " in told
        assert "state-lock: no second daemon" in told


def test_what_an_unprivileged_daemon_may_not_read(unprivileged_home: Home) -> None:
    home = unprivileged_home
    if home.user is None:
        pytest.skip("only root can close folders to another user")
    closed, above, single = home.folder / "closed", home.folder / "above", home.models / "b.safetensors"
    for folder in (closed, above, above / "inner"):
        folder.mkdir()
    home.put("a.safetensors", SMALL)
    home.configure([home.models, closed, above / "inner", home.folder / "absent"])
    single.write_bytes(SMALL)
    single.chmod(0o600)
    for path in (single, closed, above):
        os.chown(path, 0, 0)
    for folder in (closed, above):
        folder.chmod(0)
    with home.running():
        found = examined(home)
        file = one(found, "root", home.models)
        assert (file["verdict"], "b.safetensors (root:root 0600)" in file["found"]) == ("problem", True)
        assert "other-users.conf" in file["cure"]
        for subject, entered, mode in ((closed, closed, "o+rx"), (above / "inner", above, "o+x")):
            found_there = one(found, "root", subject)
            assert (found_there["verdict"], f"may not enter {entered} (" in found_there["found"]) == ("problem", True)
            assert f"chmod {mode} {entered}`" in found_there["cure"]
        assert "it is not there" in one(found, "root", home.folder / "absent")["found"]
        assert one(found, "rights", home.models)["verdict"] == "not_applicable"


def test_too_few_watches(home: Home, unprivileged: Unprivileged) -> None:
    folder = unprivileged.folder / "limited"
    folder.mkdir()
    limited = LimitedHome(folder, unprivileged)
    for number in range(20):
        limited.put(f"{number}/a.safetensors", SMALL)
    with limited.running():

        def short() -> Document | None:
            found = one(examined(limited), "inotify")
            return found if found["verdict"] == "problem" else None

        found = until(short, "the limit is met")
        assert "10 may be" in found["found"]
        assert "sysctl -w fs.inotify.max_user_watches=" in found["cure"]


def test_file_systems_are_told_apart(home: Home, disk: Disk, tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    memory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", memory], check=True)
    try:
        for folder in (memory, disk.mount):
            (folder / "a.safetensors").write_bytes(SMALL)
        home.configure([memory, disk.mount])
        with home.running():
            found = examined(home)
    finally:
        subprocess.run(["umount", "-l", memory], check=True)
    assert "lives in memory" in one(found, "direct-reading", memory)["found"]
    direct = one(found, "direct-reading", disk.mount)
    assert (direct["verdict"], direct["found"].startswith("ext4 is read past the page cache")) == ("ok", True)
    assert "loop" in one(found, "io-scheduler", disk.mount)["found"]


def test_a_mount_that_hangs_hangs_nobody(home: Home, tmp_path: Path) -> None:
    with bad_disk(tmp_path / "far", {"a.safetensors": SMALL}) as far:
        home.put("a.safetensors", SMALL)
        home.configure([home.models, far.point])
        with home.running():
            until(lambda: home.control.status() if len(home.control.status()["models"]) == 2 else None, "both are known")
            far.fall_silent()
            found = examined(home)
            far.speak()
    assert "no answer within" in one(found, "root", far.point)["found"]
    assert one(found, "root", home.models)["verdict"] == "ok"


def test_without_a_daemon_it_says_what_to_do(home: Home) -> None:
    found = examined(home)
    assert [(item["check"], item["verdict"]) for item in found] == [
        ("socket", "problem"),
        ("you", "ok"),
    ]
    said = home.healthctl("doctor")
    assert (said.returncode, said.stderr) == (1, "")
    assert "there is no socket" in said.stdout
    assert "systemctl" in said.stdout
