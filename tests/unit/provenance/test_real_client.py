"""The real huggingface_hub downloads from a hub of our own, and what it leaves behind says what every file is."""

from __future__ import annotations

import hashlib
import os
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fakes.hub import Hub, Repository, git_sha1, running_in_thread
from tests.support.hub_client import HubClient
from tests.unit.provenance.gathering import gather
from wan_healthd.domain.evidence import Claim
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.models import Layout, Model
from wan_healthd.provenance.choose import choose

NAME = "org/name"
FIRST: Mapping[str, bytes] = {
    "config.json": b'{"revision": 1}',
    "empty.txt": b"",
    "high/model.safetensors": random.Random(1).randbytes(9000),
    "low/model.safetensors": random.Random(2).randbytes(9000),
    "deep/er/vocab.txt": b"x" * 300,
    "gewichte \N{SNOWMAN}.bin": random.Random(3).randbytes(5000),
}
SECOND: Mapping[str, bytes] = {
    **FIRST,
    "config.json": b'{"revision": 2}',
    "high/model.safetensors": random.Random(4).randbytes(9000),
}
FILES = sorted(SECOND)

PROGRAM = """
import sys
from huggingface_hub import snapshot_download
name, old, local = sys.argv[1:]
snapshot_download(name, revision=old)
snapshot_download(name)
snapshot_download(name, local_dir=local)
"""


class Downloads(NamedTuple):
    """What the client left: a cache with two revisions, a local folder, and one with a single file by `hf download`."""

    snapshots: Mapping[str, Path]
    head: str
    local: Path
    single: Path

    def model(self, folder: Path) -> Model:
        root = self.local.parent
        return Model(NAME, Layout.FOLDER, os.fsencode(folder), os.fsencode(root))


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Downloads:
    folder = tmp_path_factory.mktemp("client")
    repository = Repository(NAME, FIRST, SECOND)
    old, head = repository.commits
    with running_in_thread(Hub(repository)) as url:
        client(folder, url, sys.executable, "-c", PROGRAM, NAME, old, str(folder / "local"))
        client(folder, url, "hf", "download", NAME, "config.json", "--local-dir", str(folder / "single"))
    snapshots = folder / "cache" / "models--org--name" / "snapshots"
    return Downloads({old: snapshots / old, head: snapshots / head}, head, folder / "local", folder / "single")


def client(folder: Path, url: str, *command: str) -> None:
    HubClient(folder / "home", folder / "cache", url).run(*command)


def fits(claim: Claim, content: bytes) -> bool:
    """Whether all that the claim says is true of the content, and it says something."""
    stated = (
        (claim.size_bytes, len(content)),
        (claim.sha256, hashlib.sha256(content).hexdigest()),
        (claim.git_sha1, git_sha1(content)),
    )
    return any(said is not None for said, _ in stated) and all(said in (None, true) for said, true in stated)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("contents", [FIRST, SECOND], ids=["first", "second"])
def test_the_cache_tells_every_file_by_tree_and_blob_name(
    downloads: Downloads, contents: Mapping[str, bytes], name: str
) -> None:
    folder = list(downloads.snapshots.values())[contents is SECOND]
    answer = gather(folder / name, downloads.model(folder))
    choice = choose(answer.claims)
    assert answer.findings == () and choice.contradictions == ()
    assert choice.best is not None and choice.best.source is VerifiedBy.HF_TREE
    assert all(fits(claim, contents[name]) for claim in choice.agreeing)
    expected = {VerifiedBy.HF_TREE, VerifiedBy.BLOB_NAME} if contents[name] else {VerifiedBy.HF_TREE}
    assert {claim.source for claim in choice.agreeing} == expected


@pytest.mark.parametrize("name", FILES)
def test_the_local_folder_tells_every_file_by_tree_and_etag(downloads: Downloads, name: str) -> None:
    answer = gather(downloads.local / name, downloads.model(downloads.local))
    choice = choose(answer.claims)
    assert (answer.findings, answer.outdated, choice.contradictions) == ((), (), ())
    assert choice.best is not None and choice.best.source is VerifiedBy.HF_TREE
    assert all(fits(claim, SECOND[name]) for claim in choice.agreeing)
    expected = {VerifiedBy.HF_TREE, VerifiedBy.ETAG} if SECOND[name] else {VerifiedBy.HF_TREE}
    assert {claim.source for claim in choice.agreeing} == expected


def test_a_root_above_the_model_is_no_obstacle_to_one_inside_it(downloads: Downloads) -> None:
    inside = os.fsencode(downloads.local / "high")
    model = Model("high", Layout.FOLDER, inside, inside)
    assert gather(downloads.local / "high" / "model.safetensors", model).claims == ()


def test_a_single_downloaded_file_has_an_etag_and_no_tree(downloads: Downloads) -> None:
    (claim,) = gather(downloads.single / "config.json", downloads.model(downloads.single)).claims
    assert claim.source is VerifiedBy.ETAG and claim.git_sha1 == git_sha1(SECOND["config.json"])
    assert downloads.head[:7] in claim.authority


def test_an_absent_file_is_still_described(downloads: Downloads, tmp_path: Path) -> None:
    name = "low/model.safetensors"
    kept = (downloads.local / name).rename(tmp_path / "kept")
    try:
        choice = choose(gather(downloads.local / name, downloads.model(downloads.local)).claims)
    finally:
        kept.rename(downloads.local / name)
    assert choice.best is not None and fits(choice.best, SECOND[name])


def test_touching_a_file_outdates_its_etag_but_not_its_tree(downloads: Downloads) -> None:
    path = downloads.local / "deep/er/vocab.txt"
    before = path.stat()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 3_600_000_000_000))
    try:
        answer = gather(path, downloads.model(downloads.local))
    finally:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [claim.source for claim in answer.claims] == [VerifiedBy.HF_TREE]
    assert [claim.git_sha1 for claim in answer.outdated] == [git_sha1(SECOND["deep/er/vocab.txt"])]


def test_a_manifest_that_contradicts_the_hub_is_named_beside_it(downloads: Downloads, tmp_path: Path) -> None:
    manifest = tmp_path / "SUMS"
    manifest.write_text(f"{'a' * 64}  high/model.safetensors\n")
    answer = gather(downloads.local / "high/model.safetensors", downloads.model(downloads.local), os.fsencode(manifest))
    choice = choose(answer.claims)
    assert choice.best is not None and choice.best.source is VerifiedBy.MANIFEST
    message = choice.contradictions[0].finding(b"/x").message
    assert str(manifest) in message and "trees/" in message


def test_the_client_writes_its_trees_for_their_owner_only(downloads: Downloads) -> None:
    """Why a daemon of another user may see no tree, and `unread` has a cure for it."""
    for trees in (downloads.local / ".cache/huggingface/trees", downloads.snapshots[downloads.head].parents[1] / "trees"):
        assert {path.stat().st_mode & 0o777 for path in trees.iterdir()} == {0o600}
