"""Real files, really damaged: the right type, path, block and tensor, and no finding where nothing is wrong.

What a block holds is asked of the `safetensors` library, never of our own reading of the header.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.checkout import environment
from tests.support.control import Document
from tests.support.daemons import Home, RunningDaemon
from tests.support.damage import BLOCK_BYTES, Edit, block_of, cut, edit, flip_bit, overwrite, put_back, tensors_in
from tests.support.material import MINILM, SILERO, Material

SIZE = SILERO.size_bytes
FLIPPED = SIZE - 40_000
"""In the second and last block of the small file."""
ZEROED = 400 * 1024
"""4 KiB from here, in its first block."""


class Damage(NamedTuple):
    """What is done to a file of SIZE bytes, and what must be said of it."""

    change: Edit
    corruption_type: str
    code: str
    ranges: list[dict[str, int]]
    """None of the header's own findings name tensors; a mismatch names those of its blocks."""

    @property
    def is_of_content(self) -> bool:
        return self.corruption_type == "checksum_mismatch"


def stretch(offset: int, length: int) -> list[dict[str, int]]:
    return [{"offset": offset, "length": length}]


DAMAGES = {
    "one bit flipped": Damage(flip_bit(FLIPPED), "checksum_mismatch", "checksum-mismatch", [block_of(FLIPPED, SIZE)]),
    "4 KiB zeroed": Damage(overwrite(ZEROED, bytes(4096)), "checksum_mismatch", "checksum-mismatch", [block_of(ZEROED, SIZE)]),
    "cut by one byte": Damage(cut(SIZE - 1), "incomplete_download", "safetensors-truncated", stretch(SIZE - 1, 1)),
    "cut in half": Damage(cut(SIZE // 2), "incomplete_download", "safetensors-truncated", stretch(SIZE // 2, SIZE - SIZE // 2)),
    "one byte added": Damage(overwrite(SIZE, b"\n"), "invalid_format", "safetensors-trailing-bytes", stretch(SIZE, 1)),
    "zeros": Damage(overwrite(0, bytes(SIZE)), "invalid_format", "all-zeros", stretch(0, SIZE)),
    "empty": Damage(cut(0), "incomplete_download", "file-empty", stretch(0, SIZE)),
}


@pytest.fixture(scope="module")
def daemon(material: Material) -> Iterator[RunningDaemon]:
    """One daemon for all of this module; it must end well after all that was done to its files."""
    folder = Path(tempfile.mkdtemp(prefix="wan-"))
    try:
        with Home(folder).running() as daemon:
            daemon.control.await_kind(0, "sweep-finished")
            yield daemon
            assert daemon.stop() == 0
    finally:
        shutil.rmtree(folder)


class Watched:
    """One watched file and what the daemon says of it; each test has one of its own."""

    def __init__(self, daemon: RunningDaemon, source: Path, model_id: str, name: str = "") -> None:
        self.control = daemon.control
        self.model_id = model_id
        self.content = source.read_bytes()
        self.path = daemon.home.put(name or model_id, self.content)
        assert self.control.await_status(model_id, "healthy")["issues"] == []

    def edit(self, change: Edit, *, keep_mtime: bool = False) -> None:
        edit(self.path, change, keep_mtime=keep_mtime)

    def finding_after(self, since: int) -> Document:
        """The first finding about this file that the daemon tells of, which a check must confirm as the only one."""
        event = self.control.await_event(since, self._opens)
        issues: list[Document] = self.control.check(self.model_id)["issues"]
        assert [said(issue) for issue in issues] == [said(event["finding"])]
        assert issues[0]["first_seen"] is not None
        return issues[0]

    def finding_events_after(self, since: int) -> list[str]:
        return [e["kind"] for e in self.control.events(since) if e["path"] == str(self.path) and "finding" in e["kind"]]

    def file_row(self) -> Document:
        return next(row for row in self.control.files(self.model_id) if row["path"] == str(self.path))

    def _opens(self, event: Document) -> bool:
        return (event["kind"], event["path"]) == ("finding-opened", str(self.path))


def said(finding: Document) -> Document:
    """What a finding says of a file, whenever it says so."""
    return {key: finding[key] for key in ("code", "ranges", "tensors", "cause")}


@pytest.fixture
def watched(daemon: RunningDaemon, material: Material, request: pytest.FixtureRequest) -> Watched:
    """The small file under a name of its own."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    return Watched(daemon, material.silero, f"{name}.safetensors")


@pytest.mark.parametrize("keep_mtime", [False, True], ids=["new time", "old time restored"])
@pytest.mark.parametrize("what", DAMAGES)
def test_damage_is_named_and_heals(watched: Watched, what: str, keep_mtime: bool) -> None:
    damage, since = DAMAGES[what], watched.control.last_event()
    watched.edit(damage.change, keep_mtime=keep_mtime)
    finding = watched.finding_after(since)
    assert (finding["corruption_type"], finding["code"]) == (damage.corruption_type, damage.code)
    assert finding["path"] == str(watched.path)
    assert finding["ranges"] == damage.ranges
    if damage.is_of_content:
        (block,) = damage.ranges
        assert set(finding["tensors"]) == tensors_in(watched.content, **block)
        assert finding["cause"] == "rewritten"
    report = watched.control.get(f"/v1/models/{watched.model_id}/corruption")["corruption"]
    assert (report["corruption_types"], report["affected_files"]) == ([damage.corruption_type], [str(watched.path)])

    watched.edit(put_back(watched.content), keep_mtime=keep_mtime)
    verdict = watched.control.await_status(watched.model_id, "healthy")
    assert verdict["issues"] == []
    assert watched.finding_events_after(since) == ["finding-opened", "finding-cleared"]


def test_the_damaged_tensor_is_among_those_named(watched: Watched) -> None:
    (tensor,) = tensors_in(watched.content, FLIPPED, 1)
    since = watched.control.last_event()
    watched.edit(flip_bit(FLIPPED))
    assert tensor in watched.finding_after(since)["tensors"]


def test_a_file_that_is_gone_is_missing_until_it_is_back(watched: Watched, material: Material) -> None:
    since = watched.control.last_event()
    watched.path.unlink()
    finding = watched.finding_after(since)
    assert (finding["corruption_type"], finding["path"]) == ("file_missing", str(watched.path))
    assert watched.control.model(watched.model_id)["health_status"] == "missing"
    shutil.copy2(material.silero, watched.path)
    watched.control.await_status(watched.model_id, "healthy")


def touch(path: Path) -> None:
    subprocess.run(["touch", path], check=True, timeout=10)


def test_touch_makes_nothing_unhealthy(watched: Watched) -> None:
    before, since = watched.file_row(), watched.control.last_event()
    touch(watched.path)
    assert watched.control.check(watched.model_id)["issues"] == []
    after = watched.file_row()
    assert watched.finding_events_after(since) == []
    assert after["sha256"] == before["sha256"] == SILERO.sha256
    assert after["last_read_at"] > before["last_read_at"]  # it was read, not believed


@pytest.mark.parametrize("what", ["one bit flipped", "cut by one byte", "zeros"])
def test_touch_makes_nothing_healthy(watched: Watched, what: str) -> None:
    since = watched.control.last_event()
    watched.edit(DAMAGES[what].change)
    told = watched.finding_after(since)
    touch(watched.path)
    (still,) = watched.control.check(watched.model_id, full=True)["issues"]
    assert (said(still), still["first_seen"]) == (said(told), told["first_seen"])
    assert watched.finding_events_after(since) == ["finding-opened"]


def test_trust_makes_a_changed_file_the_new_truth(watched: Watched) -> None:
    since = watched.control.last_event()
    watched.edit(flip_bit(FLIPPED))
    watched.finding_after(since)
    verdict = watched.control.trust(watched.model_id, reason="retrained")
    assert (verdict["health_status"], verdict["issues"]) == ("healthy", [])
    given = watched.control.await_kind(since, "trust-given")
    assert str(watched.path) in given["message"]
    assert f"uid {os.geteuid()}" in given["message"]
    assert "retrained" in given["message"]
    assert watched.control.check(watched.model_id, full=True)["is_healthy"]

    since = watched.control.last_event()
    watched.edit(flip_bit(FLIPPED))  # what was right once is damage now
    assert watched.finding_after(since)["ranges"] == [block_of(FLIPPED, SIZE)]


def test_trust_forgets_a_removed_file(daemon: RunningDaemon, material: Material) -> None:
    daemon.home.put("pair/config.json", b'{"_class_name": "WanModel"}')
    pair = Watched(daemon, material.silero, "pair", "pair/a.safetensors")
    other = daemon.home.put("pair/b.safetensors", pair.content)
    pair.control.await_event(0, lambda event: event["kind"] == "model-appeared" and event["model_id"] == "pair")
    assert pair.control.check("pair")["file_count"] == 3
    since = pair.control.last_event()
    other.unlink()
    missing = pair.control.await_event(since, lambda event: event["kind"] == "finding-opened")
    assert (missing["path"], missing["finding"]["corruption_type"]) == (str(other), "file_missing")
    verdict = pair.control.trust("pair", reason="not needed")
    assert (verdict["health_status"], verdict["file_count"]) == ("healthy", 2)


def test_trust_forgets_a_model_that_was_one_removed_file(watched: Watched) -> None:
    since = watched.control.last_event()
    watched.path.unlink()
    watched.finding_after(since)
    watched.control.trust(watched.model_id)
    assert watched.model_id not in [row["id"] for row in watched.control.status()["models"]]
    watched.control.await_kind(since, "model-forgotten")


def test_a_large_file_is_judged_as_exactly(daemon: RunningDaemon, material: Material) -> None:
    daemon.home.put("minilm/config.json", b'{"architectures": ["BertModel"]}')
    large = Watched(daemon, material.minilm, "minilm", "minilm/model.safetensors")
    middle, late = 47 * BLOCK_BYTES + 123, 80 * BLOCK_BYTES + 5
    since = large.control.last_event()
    large.edit(flip_bit(middle))
    finding = large.finding_after(since)
    assert (finding["corruption_type"], finding["ranges"]) == ("checksum_mismatch", [block_of(middle, MINILM.size_bytes)])
    assert set(finding["tensors"]) == tensors_in(large.content, **block_of(middle, MINILM.size_bytes))

    large.edit(overwrite(late, bytes(4096)), keep_mtime=True)
    changed = large.control.await_kind(since, "finding-changed")["finding"]
    blocks = [block_of(offset, MINILM.size_bytes) for offset in (middle, late)]
    assert changed["ranges"] == blocks
    assert set(changed["tensors"]) == set().union(*(tensors_in(large.content, **block) for block in blocks))

    large.edit(cut(MINILM.size_bytes // 2))
    assert large.control.await_kind(since, "finding-cleared")["finding"]["code"] == "checksum-mismatch"
    (finding,) = large.control.check("minilm")["issues"]
    assert finding["corruption_type"] == "incomplete_download"

    large.edit(put_back(large.content))
    large.control.await_status("minilm", "healthy")


# Without a daemon


def scan(folder: Path, *arguments: str | Path) -> tuple[int, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "wan_healthd.daemon.main", "scan", "--json", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
        env=environment(),
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_a_scan_finds_nothing_wrong_with_intact_files(tmp_path: Path, material: Material) -> None:
    folder = tmp_path / "models" / "minilm"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"architectures": ["BertModel"]}')
    shutil.copyfile(material.minilm, folder / "model.safetensors")
    single = tmp_path / "models" / "silero_vad_16k.safetensors"
    shutil.copyfile(material.silero, single)

    status, answer = scan(tmp_path, tmp_path / "models")
    assert status == 0
    assert answer["overall_health_score"] == 1.0
    assert {model["model_id"]: model["issues"] for model in answer["models"]} == {"minilm": [], single.name: []}
    digests = {file["path"]: file["sha256"] for model in answer["models"] for file in model["files"]}
    assert digests[str(folder / "model.safetensors")] == MINILM.sha256
    assert digests[str(single)] == SILERO.sha256

    status, answer = scan(tmp_path, folder, single)
    assert status == 0
    assert [model["issues"] for model in answer["models"]] == [[], []]
    assert {model["model_id"] for model in answer["models"]} == {"minilm", single.name}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_scan_with_a_state_names_what_changed_since(tmp_path: Path, material: Material, what: str) -> None:
    path, state, damage = tmp_path / "model.safetensors", tmp_path / "state.db", DAMAGES[what]
    shutil.copyfile(material.silero, path)
    assert scan(tmp_path, path, "--state", state)[0] == 0
    edit(path, damage.change, keep_mtime=True)
    status, answer = scan(tmp_path, path, "--state", state)
    assert status == 1
    ((issue,),) = [model["issues"] for model in answer["models"]]
    assert (issue["corruption_type"], issue["path"], issue["ranges"]) == (damage.corruption_type, str(path), damage.ranges)
