"""What the real hub client leaves behind says what each file is, from the very first scan on: no baseline is needed.

All scenarios are copies of the same two downloads below one root, damaged each in its own way, and scanned once.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fakes.hub import Hub, HubFile, Repository, running_in_thread
from tests.fakes.safetensors_files import sample
from tests.support.control import Document
from tests.support.damage import edit, flip_bit, put_back
from tests.support.own_process import in_own_process
from tests.support.scans import Scan, scan
from tests.unit.provenance.test_real_client import client
from wan_healthd import ModelHealthMonitor
from wan_healthd.domain.callers import Caller, CallerRole

WEIGHTS, CONFIG, VOCABULARY = "model.safetensors", "config.json", "tokenizer/vocab.txt"
FILES: Mapping[str, bytes] = {
    WEIGHTS: sample(1, 1_500_000, 6),
    CONFIG: b'{"_class_name": "WanModel", "dim": 5120}',
    VOCABULARY: b"<pad>\n</s>\nthe\n" * 20,
}
POINTER = HubFile(WEIGHTS, FILES[WEIGHTS]).pointer
PROGRAM = """
import sys
from huggingface_hub import snapshot_download
snapshot_download(sys.argv[1])
snapshot_download(sys.argv[1], local_dir=sys.argv[2])
"""


class Copy(NamedTuple):
    """A copy of what the client left: a repository in the hub's cache, or a local folder."""

    folder: Path

    @property
    def files(self) -> Path:
        """The folder with the files as loaders see it."""
        snapshots = self.folder / "snapshots"
        return next(snapshots.iterdir()) if snapshots.exists() else self.folder

    def without_tree(self) -> None:
        """As older clients leave it."""
        shutil.rmtree(next(path for path in self.folder.rglob("trees") if path.is_dir()))

    def without_notes(self) -> None:
        """As wget leaves it."""
        shutil.rmtree(self.folder / ".cache")

    def put(self, name: str, text: str) -> None:
        (self.files / name).write_text(text)


Change = Callable[[Copy], object]


def of(*changes: Change) -> Change:
    def change(copy: Copy) -> None:
        for step in changes:
            step(copy)

    return change


def rewrite(name: str, content: bytes) -> Change:
    """In place, through the links of a cache; with the old time, as damage comes."""
    return lambda copy: edit(copy.files / name, put_back(content), keep_mtime=True)


def flip(copy: Copy) -> None:
    edit(copy.files / WEIGHTS, flip_bit(1_300_000), keep_mtime=True)


def sums(content: bytes, name: str = WEIGHTS, *, file: str = f"{WEIGHTS}.sha256") -> Change:
    """A checksum file of this content, about a file of that name."""
    return lambda copy: copy.put(file, f"{hashlib.sha256(content).hexdigest()}  {name}\n")


def set_etag(copy: Copy, etag: str) -> None:
    metadata = copy.folder / ".cache" / "huggingface" / "download" / f"{CONFIG}.metadata"
    commit, _, at = metadata.read_text().splitlines()
    metadata.write_text(f"{commit}\n{etag}\n{at}\n")


OTHER_CONFIG = FILES[CONFIG].replace(b"5120", b"5121")
OTHER = sample(2, 1_500_000, 6)
SUMS = "SHA256SUMS"

CACHED: dict[str, Change] = {
    "intact": of(),
    "intact-without-tree": Copy.without_tree,
    "flipped": flip,
    "flipped-without-tree": of(Copy.without_tree, flip),
    "other-config": rewrite(CONFIG, OTHER_CONFIG),
    "other-config-without-tree": of(Copy.without_tree, rewrite(CONFIG, OTHER_CONFIG)),
}
LOCAL: dict[str, Change] = {
    "intact": of(),
    "intact-without-tree": Copy.without_tree,
    "flipped": flip,
    "flipped-without-tree": of(Copy.without_tree, flip),
    "other-config": rewrite(CONFIG, OTHER_CONFIG),
    "pointer": rewrite(WEIGHTS, POINTER),
    "wrong-etag": lambda copy: set_etag(copy, "not-a-digest"),
    "disputed": sums(OTHER, file=SUMS),
    "agreed": sums(FILES[WEIGHTS], file=SUMS),
    "sidecar": of(Copy.without_notes, sums(FILES[WEIGHTS])),
    "sidecar-disagrees": of(Copy.without_notes, sums(OTHER)),
    "sidecar-for-another": of(Copy.without_notes, sums(OTHER, "wan2.1.safetensors")),
    "lists": of(Copy.without_notes, sums(OTHER, file=SUMS)),
    "bare-pointer": of(Copy.without_notes, rewrite(WEIGHTS, POINTER)),
}


class Downloads(NamedTuple):
    """A cached repository and a local folder, as the client left them."""

    repository: Path
    local: Path

    def cached_in(self, root: Path, name: str) -> Copy:
        """A copy in a hub cache of its own."""
        folder = root / f"models--org--{name}"
        shutil.copytree(self.repository, folder, symlinks=True)
        return Copy(folder)

    def local_in(self, root: Path, name: str) -> Copy:
        """A copy of the local folder; times of files are kept, since the client's notes speak of them."""
        shutil.copytree(self.local, root / name)
        return Copy(root / name)


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Downloads:
    folder = tmp_path_factory.mktemp("hub")
    with running_in_thread(Hub(Repository("org/name", FILES))) as url:
        client(folder, url, sys.executable, "-c", PROGRAM, "org/name", str(folder / "local"))
    return Downloads(folder / "cache" / "models--org--name", folder / "local")


class Scanned(NamedTuple):
    """The answer, and where each scenario's files are."""

    answer: Scan
    cached: Mapping[str, Path]
    local: Mapping[str, Path]

    def finding(self, folder: Path, name: str) -> Document:
        """The one finding in the folder, which is on that file."""
        (finding,) = self.answer.issues_below(folder)
        assert finding["path"] is not None
        assert os.path.realpath(finding["path"]) == os.path.realpath(folder / name)
        return finding

    def authorities(self, folder: Path) -> dict[str, str]:
        return {name: self.answer.file(folder / name)["verified_by"] for name in FILES}

    def status(self, folder: Path) -> str:
        status: str = self.answer.model_with(folder / WEIGHTS)["health_status"]
        return status


@pytest.fixture(scope="module")
def scanned(downloads: Downloads, tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    root = tmp_path_factory.mktemp("scanned")
    cached = {name: downloads.cached_in(root / "hub", name) for name in CACHED}
    local = {name: downloads.local_in(root / "models", name) for name in LOCAL}
    for changes, copies in ((CACHED, cached), (LOCAL, local)):
        for name, change in changes.items():
            change(copies[name])
    folders = ({name: copy.files for name, copy in copies.items()} for copies in (cached, local))
    return Scanned(scan(root), *folders)


def is_mismatch(finding: Document) -> bool:
    return (finding["code"], finding["corruption_type"]) == ("checksum-mismatch", "checksum_mismatch")


@pytest.mark.parametrize(("name", "authority"), [("intact", "hf-tree"), ("intact-without-tree", "blob-name")])
def test_a_cache_is_verified_by_tree_or_blob_name(scanned: Scanned, name: str, authority: str) -> None:
    folder = scanned.cached[name]
    assert scanned.answer.issues_below(folder) == []
    assert scanned.authorities(folder) == dict.fromkeys(FILES, authority)
    assert scanned.status(folder) == "healthy"


@pytest.mark.parametrize(("name", "authority"), [("intact", "hf-tree"), ("intact-without-tree", "etag")])
def test_a_local_folder_is_verified_by_tree_or_etag(scanned: Scanned, name: str, authority: str) -> None:
    folder = scanned.local[name]
    assert scanned.answer.issues_below(folder) == []
    assert scanned.authorities(folder) == dict.fromkeys(FILES, authority)
    assert scanned.status(folder) == "healthy"


@pytest.mark.parametrize(("name", "named"), [("flipped", "/trees/"), ("flipped-without-tree", "blob")])
def test_a_flipped_bit_in_a_blob_is_seen_at_the_first_scan(scanned: Scanned, name: str, named: str) -> None:
    finding = scanned.finding(scanned.cached[name], WEIGHTS)
    assert is_mismatch(finding)
    assert named in finding["message"]
    assert scanned.status(scanned.cached[name]) == "corrupted"


@pytest.mark.parametrize(("name", "named"), [("flipped", "/trees/"), ("flipped-without-tree", ".metadata")])
def test_a_flipped_bit_in_a_local_folder_is_seen_at_the_first_scan(scanned: Scanned, name: str, named: str) -> None:
    finding = scanned.finding(scanned.local[name], WEIGHTS)
    assert is_mismatch(finding)
    assert named in finding["message"]
    assert scanned.status(scanned.local[name]) == "corrupted"


def test_damaged_files_are_verified_by_nobody_and_the_others_by_the_tree(scanned: Scanned) -> None:
    expected = dict.fromkeys(FILES, "hf-tree") | {WEIGHTS: "none"}
    assert scanned.authorities(scanned.cached["flipped"]) == expected
    assert scanned.authorities(scanned.local["flipped"]) == expected


def test_a_git_digest_catches_another_configuration_of_the_same_size(scanned: Scanned) -> None:
    for folder in (
        scanned.cached["other-config"],
        scanned.cached["other-config-without-tree"],
        scanned.local["other-config"],
    ):
        assert is_mismatch(scanned.finding(folder, CONFIG))


def test_a_pointer_is_a_pointer_whatever_else_is_known(scanned: Scanned) -> None:
    for name in ("pointer", "bare-pointer"):
        finding = scanned.finding(scanned.local[name], WEIGHTS)
        assert (finding["code"], finding["corruption_type"]) == ("placeholder-file", "incomplete_download")
        assert "git-LFS pointer" in finding["message"]


def test_a_sidecar_that_agrees_proves_the_file(scanned: Scanned) -> None:
    folder = scanned.local["sidecar"]
    assert scanned.answer.issues_below(folder) == []
    assert scanned.authorities(folder) == dict.fromkeys(FILES, "baseline") | {WEIGHTS: "sidecar"}


@pytest.mark.parametrize(("name", "file"), [("sidecar-disagrees", f"{WEIGHTS}.sha256"), ("lists", SUMS)])
def test_a_sidecar_that_disagrees_accuses_the_file(scanned: Scanned, name: str, file: str) -> None:
    finding = scanned.finding(scanned.local[name], WEIGHTS)
    assert is_mismatch(finding)
    assert f"line 1 of {scanned.local[name] / file}" in finding["message"]


def test_a_sidecar_for_another_file_is_named_and_never_applied(scanned: Scanned) -> None:
    folder = scanned.local["sidecar-for-another"]
    finding = scanned.finding(folder, WEIGHTS)
    assert (finding["code"], finding["corruption_type"]) == ("sidecar-for-another", None)
    assert "wan2.1.safetensors" in finding["message"]
    assert scanned.status(folder) == "healthy"


def test_two_sources_that_agree_are_both_right(scanned: Scanned) -> None:
    folder = scanned.local["agreed"]
    assert scanned.answer.issues_below(folder) == []
    assert scanned.authorities(folder)[WEIGHTS] == "hf-tree"


def test_two_sources_that_disagree_are_a_finding_and_no_choice(scanned: Scanned) -> None:
    folder = scanned.local["disputed"]
    finding = scanned.finding(folder, WEIGHTS)
    assert (finding["code"], finding["corruption_type"]) == ("sources-disagree", None)
    assert "/trees/" in finding["message"]
    assert str(folder / SUMS) in finding["message"]
    assert scanned.status(folder) == "unknown"


def test_an_etag_that_is_no_digest_is_told_and_the_tree_counts(scanned: Scanned) -> None:
    folder = scanned.local["wrong-etag"]
    finding = scanned.finding(folder, CONFIG)
    assert finding["corruption_type"] is None
    assert f"{CONFIG}.metadata" in finding["message"]
    assert scanned.authorities(folder) == dict.fromkeys(FILES, "hf-tree")


# Trust


async def trusting(folder: Path) -> object:
    """Verdicts on a damaged local folder: as it is; once a person trusted it; all of it read; and damaged again."""
    monitor = ModelHealthMonitor(folder / "models")
    await monitor.get_health_report()
    (model,) = (await monitor.list_models()).models
    verdicts = [await monitor.check_model_integrity(model.id)]
    caller = Caller(os.geteuid(), os.getpid(), CallerRole.ACTOR)
    verdicts.append(await monitor.trust(model.id, [], caller, "fine-tuned"))
    verdicts.append(await monitor.check_model_integrity(model.id, full=True))
    edit(folder / "models" / "wan" / WEIGHTS, flip_bit(700_000))
    verdicts.append(await monitor.check_model_integrity(model.id))
    return [[issue.code for issue in verdict.issues] for verdict in verdicts]


def test_trust_silences_claims_and_makes_a_baseline(downloads: Downloads, tmp_path: Path) -> None:
    flip(downloads.local_in(tmp_path / "models", "wan"))
    assert in_own_process(trusting, tmp_path) == [["checksum-mismatch"], [], [], ["checksum-mismatch"]]


async def mending(folder: Path) -> object:
    """Verdicts on a damaged cache, on the same with the right bytes again, and who vouches for these."""
    monitor = ModelHealthMonitor(folder / "hub", state=folder / "state.db")
    before = await monitor.get_health_report()
    (blob,) = [path for path in (folder / "hub").rglob("blobs/*") if path.stat().st_size == len(FILES[WEIGHTS])]
    edit(blob, put_back(FILES[WEIGHTS]))
    after = await monitor.get_health_report()
    (model,) = (await monitor.list_models()).models
    rows = (await monitor.list_files(model.id)).files
    verdicts = [report.detailed_reports[0].health_status for report in (before, after)]
    return [verdicts, sorted({row.verified_by for row in rows})]


def test_the_right_bytes_heal_a_cache_that_was_never_sound(downloads: Downloads, tmp_path: Path) -> None:
    flip(downloads.cached_in(tmp_path / "hub", "wan"))
    assert in_own_process(mending, tmp_path) == [["corrupted", "healthy"], ["hf-tree"]]


def test_a_small_file_is_proven_by_its_git_digest(downloads: Downloads) -> None:
    """What stands behind the tests above: the hub's client keeps no SHA-256 of small files."""
    (tree,) = downloads.repository.glob("trees/*.json")
    assert HubFile(CONFIG, FILES[CONFIG]).sha256 not in tree.read_text()
    assert HubFile(CONFIG, FILES[CONFIG]).blob_id in json.dumps(json.loads(tree.read_text()))
