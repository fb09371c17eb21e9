"""Bad input, through the real programs: what is wrong is named, the rest is checked, nothing hangs and nothing is exhausted."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.bad_disk import BadDisk, bad_disk
from tests.support.bombs import BOMBS
from tests.support.control import Document, until
from tests.support.daemons import Home
from tests.support.measured import measured_scan
from tests.support.scans import Scan, scan
from tests.support.unprivileged import Unprivileged

SOUND = sample(1, 3 << 20, 6)
SMALL = sample(2, 4000, 2)
NEIGHBOUR = "sound/w.safetensors"
CANNOT_JUDGE = {"header-too-large-to-judge", "could-not-judge", "format-unknown-to-us"}

MOST_CPU_S = 2.0
MOST_RSS_BYTES = 150_000_000
"""Of each of the two processes: 300 MB together."""


def put(root: Path, name: str, content: bytes = SMALL) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def healthy(answer: Scan, path: Path) -> bool:
    status: str = answer.file(path)["status"]
    return status == "healthy"


@pytest.fixture(scope="module")
def idle_cpu_s(tmp_path_factory: pytest.TempPathFactory) -> float:
    """What a scan of next to nothing costs."""
    folder = tmp_path_factory.mktemp("idle")
    put(folder, NEIGHBOUR)
    return measured_scan(folder)[1].cpu_s


@pytest.mark.parametrize("name", BOMBS)
def test_what_asks_for_too_much_gets_little(tmp_path: Path, idle_cpu_s: float, name: str) -> None:
    file, write = BOMBS[name]
    folder = put(tmp_path, "flux/model.safetensors").parent
    write(folder / file)
    neighbour = put(tmp_path, NEIGHBOUR)
    answer, cost = measured_scan(tmp_path)
    issues = answer.issues_at(folder / file)
    assert {issue["corruption_type"] or issue["code"] for issue in issues} & {
        "invalid_format",
        "checksum_mismatch",
        *CANNOT_JUDGE,
    }
    assert healthy(answer, neighbour)
    assert cost.cpu_s - idle_cpu_s <= MOST_CPU_S
    assert cost.rss_bytes <= MOST_RSS_BYTES


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(path.parent, os.O_RDONLY)
        try:
            server.bind(f"/proc/self/fd/{here}/{path.name}")
        finally:
            os.close(here)


def make_device(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a device node")
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero: it never ends


@pytest.mark.parametrize("make", [make_fifo, make_socket, make_device, Path.mkdir])
def test_what_is_no_file_among_the_models(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = put(tmp_path, "flux/w-00001-of-00002.safetensors").with_name("w-00002-of-00002.safetensors")
    put(tmp_path, f"flux/{path.name}")
    state = tmp_path / "state.db"
    root = tmp_path / "flux"
    neighbour = put(root, NEIGHBOUR)
    scan(root, "--state", state)
    path.unlink()
    make(path)
    answer = scan(root, "--state", state)
    assert [issue["code"] for issue in answer.issues_at(path)] == ["not-a-regular-file"]
    assert healthy(answer, neighbour)


def test_what_a_user_may_not_read(unprivileged: Unprivileged) -> None:
    root = unprivileged.folder / "models"
    locked, hidden, neighbour = put(root, "a/w.safetensors"), put(root, "b/c/w.safetensors"), put(root, NEIGHBOUR)
    lost = put(root, "d/w.safetensors")
    unprivileged.give(root)
    command: list[str | Path] = [
        unprivileged.python,
        "-m",
        "wan_healthd.daemon.main",
        "scan",
        "--json",
        root,
        "--state",
        root.parent / "state.db",
    ]
    locked.chmod(0)
    first = unprivileged.run(command)
    answer = Scan(first.returncode, json.loads(first.stdout)["models"], 0)
    assert [issue["corruption_type"] for issue in answer.issues_at(locked)] == ["permission_error"]
    assert healthy(answer, hidden) and healthy(answer, neighbour) and healthy(answer, lost)
    lost.chmod(0o200)
    hidden.parent.chmod(0)
    second = unprivileged.run(command)
    hidden.parent.chmod(0o700)
    answer = Scan(second.returncode, json.loads(second.stdout)["models"], 0)
    for path in (locked, lost, hidden):
        assert [issue["corruption_type"] for issue in answer.issues_below(path.parent)] == ["permission_error"], path
    assert healthy(answer, neighbour)
    assert (first.stderr, second.stderr) == ("", "")


def test_a_disk_that_refuses_the_middle_of_a_file(tmp_path: Path) -> None:
    neighbour = put(tmp_path, NEIGHBOUR)
    bad = range((1 << 20) + 8192, (1 << 20) + 12288)
    with bad_disk(tmp_path / "disk", {"w.safetensors": SOUND, "small.safetensors": SMALL}, bad) as disk:
        answer = scan(tmp_path)
        (issue,) = answer.issues_at(disk.point / "w.safetensors")
        assert (issue["corruption_type"], issue["code"], issue["cause"]) == ("disk_error", "read-error", "unreadable")
        (found,) = issue["ranges"]
        assert found["offset"] <= bad.start < bad.stop <= found["offset"] + found["length"] <= found["offset"] + (1 << 20)
        assert issue["tensors"]
        assert healthy(answer, disk.point / "small.safetensors")
        assert healthy(answer, neighbour)


@pytest.fixture
def disk_of(home: Home) -> Iterator[BadDisk]:
    """A network mount as a second root of the daemon."""
    with bad_disk(home.folder / "mount", {"w.safetensors": SMALL}) as disk:
        yield disk


def test_a_mount_that_dies_and_one_that_falls_silent(home: Home, disk_of: BadDisk) -> None:
    home.put(NEIGHBOUR, SMALL)
    home.configure([disk_of.point, home.models])
    with home.running() as daemon:
        control = daemon.control
        control.await_status("sound", "healthy")
        control.await_status("w.safetensors", "healthy")
        disk_of.fall_silent()
        began = control.begin_check("w.safetensors")
        assert control.check("sound", full=True)["is_healthy"], "a mount that does not answer holds up nobody else"
        assert control.status()["now"]
        disk_of.die()
        assert until(lambda: unreachable(control.status()), "the dead mount is told")["code"] == "root-unreachable"
        assert control.result_of(began["id"])["health_status"] == "unknown"
        home.put("other/w.safetensors", SMALL)
        control.await_status("other", "healthy")
        assert not [event for event in control.events() if event["kind"] == "finding-opened" and "missing" in event["message"]]
        assert daemon.stop() == 0


def unreachable(status: Document) -> Document | None:
    return next((issue for issue in status["issues"] if issue["code"] == "root-unreachable"), None)


def tree(path: Path, content: bytes, name: str) -> None:
    digest = hashlib.sha256(content).hexdigest()
    entry = {"size": len(content), "blob_id": "0" * 39 + "1", "lfs_sha256": digest, "lfs_size": len(content)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"format_version": 1, "files": {name: entry}}))


def test_sources_that_disagree_are_both_named(tmp_path: Path) -> None:
    file = put(tmp_path, "flux/w.safetensors")
    commit = "c" * 40
    notes = file.parent / ".cache/huggingface"
    tree(notes / "trees" / f"{commit}.json", SMALL, file.name)
    metadata = notes / "download" / f"{file.name}.metadata"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"{commit}\n{hashlib.sha256(SMALL).hexdigest()}\n{file.stat().st_mtime + 5}\n")
    (file.parent / "SHA256SUMS").write_text(f"{'ab' * 32}  {file.name}\n")
    issue = next(item for item in scan(tmp_path).issues if item["code"] == "sources-disagree")
    assert "SHA256SUMS" in issue["message"]
    assert f"{commit[:7]}" in issue["message"] or "metadata" in issue["message"]


def test_a_sidecar_for_another_file_and_an_etag_that_is_none(tmp_path: Path) -> None:
    file = put(tmp_path, "flux/w.safetensors")
    (file.parent / f"{file.name}.sha256").write_text(f"{'ab' * 32}  other.safetensors\n")
    metadata = file.parent / ".cache/huggingface/download" / f"{file.name}.metadata"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"{'c' * 40}\nnot-a-digest\n{file.stat().st_mtime + 5}\n")
    answer = scan(tmp_path)
    told = {issue["code"]: issue["message"] for issue in answer.issues}
    assert "other.safetensors" in told["sidecar-for-another"]
    assert file.name in told["sidecar-for-another"]
    assert any("not-a-digest" in message for message in told.values()), told
    assert answer.model_with(file)["is_healthy"]


def test_links_that_lead_in_circles_out_and_nowhere(tmp_path: Path) -> None:
    root = tmp_path / "root"
    outside = put(tmp_path, "outside/w.safetensors")
    neighbour = put(root, NEIGHBOUR)
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "sound/self.safetensors").symlink_to("self.safetensors")
    (root / "sound/gone.safetensors").symlink_to("nowhere")
    (root / "sound/out.safetensors").symlink_to(outside)
    answer = scan(root)
    codes = {Path(issue["path"]).name: issue["code"] for issue in answer.issues}
    assert codes == {
        "self.safetensors": "file-missing",
        "gone.safetensors": "file-missing",
        "out.safetensors": "link-leaves-root",
    }
    assert healthy(answer, neighbour)


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    strange = os.fsencode(tmp_path) + b"/flux/\xff\xfe\n\x1b[31m.safetensors"
    put(tmp_path, NEIGHBOUR)
    os.mkdir(os.path.dirname(strange))
    for content in (SMALL, SMALL[:-1]):
        with open(strange, "wb") as file:
            file.write(content)
    answer = scan(tmp_path)
    (issue,) = answer.issues
    assert issue["code"] == "safetensors-truncated"
    assert "\ufffd" in issue["path"]
    assert issue["path"].isprintable()
    assert base64.b64decode(issue["path_b64"]) == strange


def test_nested_roots_are_scanned_once(tmp_path: Path) -> None:
    inner = put(tmp_path, "inner/flux/w.safetensors")
    put(tmp_path, NEIGHBOUR)
    answer = scan(tmp_path, tmp_path / "inner")
    assert len([row for model in answer.models for row in model["files"] if row["path"] == str(inner)]) == 1
    assert answer.status == 0


def test_a_mount_inside_a_root(tmp_path: Path) -> None:
    """A tmpfs below the root, and the root bound into itself."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    put(tmp_path, NEIGHBOUR)
    (tmp_path / "mounted").mkdir()
    (tmp_path / "again").mkdir()
    script = (
        'mount -t tmpfs none "$1/mounted" && mkdir "$1/mounted/flux" && cp "$1/sound/w.safetensors" "$1/mounted/flux/" &&'
        ' mount --bind "$1" "$1/again" && exec "$2" -m wan_healthd.daemon.main scan --json "$1"'
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", tmp_path, sys.executable],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    if done.returncode and "unshare" in done.stderr:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
    answer = Scan(done.returncode, json.loads(done.stdout)["models"], 0)
    assert (done.returncode, done.stderr) == (0, "")
    assert healthy(answer, tmp_path / "mounted/flux/w.safetensors")


def test_unfinished_downloads_in_a_scan(tmp_path: Path) -> None:
    put(tmp_path, NEIGHBOUR)
    old = put(tmp_path, "sound/x.safetensors.part", bytes(1 << 20))
    nobodys = put(tmp_path, "downloads/y.safetensors.crdownload")
    for path in (old, nobodys):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    put(tmp_path, "sound/z.safetensors.incomplete")
    done = subprocess.run(
        [sys.executable, "-m", "wan_healthd.daemon.main", "scan", tmp_path],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "x.safetensors.part is an unfinished download or copy: 1.0 MB on the disk, last written to" in done.stdout
    assert "y.safetensors.crdownload is an unfinished" in done.stdout
    assert "z.safetensors" not in done.stdout


def test_a_preallocated_download_comes_to_its_end(home: Home) -> None:
    with home.running() as daemon:
        control = daemon.control
        control.await_kind(0, "sweep-finished")
        file = home.models / "flux/w.safetensors"
        file.parent.mkdir()
        (home.models / "flux/w.safetensors.aria2").write_bytes(b"\0\1")
        with file.open("wb") as download:
            download.truncate(len(SOUND))
            home.put(NEIGHBOUR, SMALL)
            control.await_status("sound", "healthy")
            assert [row["id"] for row in control.status()["models"]] == ["sound"]
            download.write(SOUND)
        (home.models / "flux/w.safetensors.aria2").unlink()
        control.await_status("flux", "healthy")
        assert [event["message"] for event in control.events() if event["kind"] == "finding-opened"] == []
        shutil.copy(file, f"{file}.part")
        os.utime(f"{file}.part", (1_600_000_000, 1_600_000_000))
        control.check("flux")
        assert "w.safetensors.part is an unfinished download" in home.healthctl("status", "flux").stdout
        assert "advice on healthy models: flux" in home.healthctl("status").stdout
        assert "unfinished, and not judged:" in home.healthctl("files", "flux").stdout
