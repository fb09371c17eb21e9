"""What is said of a file, gathered through the real doors: as the hub's client leaves it, and as an enemy does."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.fakes.hub import git_sha1
from tests.unit.provenance.gathering import gather
from tests.unit.provenance.test_real_client import FILES, FIRST, SECOND, Downloads, downloads, fits
from wan_healthd.domain.evidence import LfsPointer
from wan_healthd.domain.files import FileLook, Fingerprint, Listing, VerifiedBy
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.ports import Files, OpenedFile, SmallRead
from wan_healthd.host.files import LocalFiles
from wan_healthd.host.threads import ThreadPool
from wan_healthd.provenance.choose import choose
from wan_healthd.services.claims import Claims, Gathered
from wan_healthd.services.shelf import MAX_SOURCES

__all__ = ["downloads"]  # a fixture

CONTENT = b"x" * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class CountingFiles:
    """The `Files` behind it, and what was read through it."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.read: list[bytes] = []

    def look(self, root: bytes, path: bytes) -> FileLook:
        return self._files.look(root, path)

    def list_folder(self, root: bytes, path: bytes) -> Listing:
        return self._files.list_folder(root, path)

    def fingerprints(self, root: bytes, folders: Iterable[bytes]) -> Generator[Fingerprint, None, None]:
        return self._files.fingerprints(root, folders)

    def open(self, root: bytes, path: bytes) -> OpenedFile:
        return self._files.open(root, path)

    def look_open(self, descriptor: int) -> FileLook:
        return self._files.look_open(descriptor)

    def is_written(self, descriptor: int) -> bool:
        return self._files.is_written(descriptor)

    def read_small(self, root: bytes, path: bytes, limit_bytes: int) -> SmallRead:
        found = self._files.read_small(root, path, limit_bytes)
        self.read += [os.path.basename(path)] * (found.data is not None)
        return found

    def way(self, root: bytes, path: bytes) -> tuple[bytes, ...]:
        return self._files.way(root, path)

    def mounted(self) -> frozenset[str]:
        return self._files.mounted()


class Desk:
    """`Claims` over real files below one root; time stands an hour after the files were written, unless told otherwise."""

    def __init__(self, root: Path, manifests: Mapping[str, bytes]) -> None:
        self.root = root
        self._local = LocalFiles()
        self._threads = ThreadPool()
        self.files = CountingFiles(self._local)
        self.clock = FakeClock()
        self.age(3600)
        self.claims = Claims(self.files, self._threads, self.clock, manifests)

    def age(self, seconds: float) -> None:
        """Let what is written now be this old."""
        probe = self.root / "probe"
        probe.write_bytes(b"")
        self.clock.advance(probe.stat().st_ctime + seconds - self.clock.now().timestamp())
        probe.unlink()

    def model(self, folder: Path | None = None) -> Model:
        return Model("wan", Layout.FOLDER, os.fsencode(folder or self.root), os.fsencode(self.root))

    def put(self, name: str, content: bytes | str = CONTENT) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def about(self, path: Path, model: Model | None = None, found: LfsPointer | None = None) -> Gathered:
        name = os.fsencode(path)
        look = self._local.look(os.fsencode(self.root), name)
        return asyncio.run(self.claims.about(name, model or self.model(), look, found))

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._threads.close()
        self._local.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path, {"wan": b"manifest"}) as opened:
        opened.put("manifest", "{}")
        yield opened


def codes(answer: Gathered) -> list[str]:
    return [finding.code for finding in answer.findings]


@pytest.mark.parametrize("contents", [FIRST, SECOND], ids=["first", "second"])
def test_the_real_cache_says_what_every_file_is(downloads: Downloads, contents: Mapping[str, bytes]) -> None:
    folder = list(downloads.snapshots.values())[contents is SECOND]
    with Desk(downloads.local.parent, {}) as desk:
        for name in FILES:
            answer = desk.about(folder / name, downloads.model(folder))
            expected = gather(folder / name, downloads.model(folder))
            assert (answer.choice, answer.outdated, answer.findings) == (choose(expected.claims), expected.outdated, ())
            assert all(fits(claim, contents[name]) for claim in answer.choice.agreeing)
        assert len(desk.files.read) == 1  # the tree, once for all


def test_the_real_local_folder_says_what_every_file_is(downloads: Downloads) -> None:
    with Desk(downloads.local.parent, {}) as desk:
        for name in FILES:
            answer = desk.about(downloads.local / name, downloads.model(downloads.local))
            best = answer.choice.best
            assert best is not None and best.source is VerifiedBy.HF_TREE and fits(best, SECOND[name])
            assert (answer.findings, answer.outdated) == ((), ())
        trees = [name for name in desk.files.read if name.endswith(b".json")]
        assert len(trees) == 1


def test_a_file_of_which_nothing_is_said(desk: Desk) -> None:
    path = desk.put("a/b/c/d/e/f/model.safetensors")
    answer = desk.about(path)
    assert (answer.choice.best, answer.choice.agreeing, answer.outdated, answer.findings) == (None, (), (), ())
    assert desk.files.read == [b"manifest"]


def test_a_dangling_link_of_the_cache_says_what_is_missing(desk: Desk) -> None:
    link = desk.root / "models--a--b/snapshots/main/model.bin"
    link.parent.mkdir(parents=True)
    link.symlink_to(f"../../blobs/{SHA256}")
    best = desk.about(link).choice.best
    assert best is not None and (best.source, best.sha256) == (VerifiedBy.BLOB_NAME, SHA256)


def test_the_pointer_in_its_place_says_what_a_file_should_be(desk: Desk) -> None:
    path = desk.put("model.bin", "version https://git-lfs.github.com/spec/v1")
    best = desk.about(path, found=LfsPointer(SHA256, 5000)).choice.best
    assert best is not None and (best.source, best.sha256, best.size_bytes) == (VerifiedBy.LFS_POINTER, SHA256, 5000)


def test_every_authority_in_its_order_and_every_dispute_once(desk: Desk) -> None:
    path = desk.put("high/model.bin")
    desk.put("manifest", json.dumps({"high/model.bin": {"sha256": SHA256, "size": 5000}}))
    desk.put("high/model.bin.sha256", "b" * 64 + "\n" + "c" * 64 + "\n")
    desk.put("SHA256SUMS", f"{SHA256}  high/model.bin\n")
    answer = desk.about(path)
    assert [claim.source for claim in answer.choice.agreeing] == [VerifiedBy.MANIFEST, VerifiedBy.SIDECAR]
    assert (len(answer.choice.contradictions), codes(answer)) == (2, ["sources-disagree"])


def test_a_list_is_read_once_until_it_changes(desk: Desk) -> None:
    paths = [desk.put(name) for name in ("a.bin", "b.bin")]
    sums = desk.put("SHA256SUMS", f"{SHA256}  a.bin\n{SHA256}  b.bin\n")
    for path in (*paths, *paths):
        best = desk.about(path).choice.best
        assert best is not None and best.sha256 == SHA256
    assert sorted(desk.files.read) == [b"SHA256SUMS", b"manifest"]
    sums.write_text(f"{'b' * 64}  a.bin\n")
    best = desk.about(paths[0]).choice.best
    assert best is not None and best.sha256 == "b" * 64
    assert desk.about(paths[1]).choice.best is None


def test_a_list_that_was_written_a_moment_ago_is_not_relied_on(desk: Desk) -> None:
    path = desk.put("a.bin")
    desk.put("SHA256SUMS", f"{SHA256}  a.bin\n")
    desk.age(0.5)
    for _ in range(3):
        assert desk.about(path).choice.best is not None
    assert desk.files.read.count(b"SHA256SUMS") == 3


def test_a_broken_list_is_parsed_once_as_well(desk: Desk) -> None:
    path = desk.put("a.bin")
    desk.put("SHA256SUMS", "nonsense\n" * 1000)
    assert codes(desk.about(path)) == codes(desk.about(path)) == ["source-unusable"]
    assert desk.files.read.count(b"SHA256SUMS") == 1


def test_more_lists_than_are_kept(desk: Desk) -> None:
    names = [f"{number}/model.bin" for number in range(MAX_SOURCES + 5)]
    paths = [desk.put(name) for name in names]
    for number in range(len(names)):
        desk.put(f"{number}/SHA256SUMS", f"{SHA256}  model.bin\n")
    for path in paths:
        assert desk.about(path).choice.best is not None
    desk.files.read.clear()
    for path in (paths[-1], paths[0]):
        assert desk.about(path).choice.best is not None
    assert desk.files.read.count(b"SHA256SUMS") == 1


def test_what_stands_in_a_lists_place(desk: Desk) -> None:
    path = desk.put("a.bin")
    os.mkfifo(desk.root / "a.bin.sha256")
    (desk.root / "SHA256SUMS").mkdir()
    (desk.root / "sha256sums.txt").symlink_to("/etc/passwd")
    (desk.root / "checksums.sha256").symlink_to("nothing")
    assert codes(desk.about(path)) == ["source-unusable"] * 4


def test_a_stated_manifest_that_is_not_there(desk: Desk) -> None:
    (desk.root / "manifest").unlink()
    assert codes(desk.about(desk.put("a.bin"))) == ["source-unusable"]


def test_lists_behind_a_folder_that_leaves_the_root_are_no_findings(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "model.bin").write_bytes(CONTENT)
    (elsewhere / "model.bin.sha256").write_text(SHA256)
    (desk.root / "folder").symlink_to(elsewhere)
    answer = desk.about(desk.root / "folder/model.bin")
    assert (answer.choice.best, answer.findings) == (None, ())


def test_an_etag_of_before_the_last_write_is_outdated(desk: Desk) -> None:
    path = desk.put("config.json")
    written = path.stat().st_mtime
    note = ".cache/huggingface/download/config.json.metadata"
    for since_s, lists in ((0, (1, 0)), (-100, (0, 1))):
        desk.put(note, f"{'1' * 40}\n{git_sha1(CONTENT)}\n{written + since_s}\n")
        answer = desk.about(path)
        assert (len(answer.choice.agreeing), len(answer.outdated)) == lists


SOURCES = (
    "manifest",
    "model.bin.sha256",
    "SHA256SUMS",
    ".cache/huggingface/download/model.bin.metadata",
    f".cache/huggingface/trees/{'1' * 40}.json",
)
PARTS = (
    SHA256.encode(),
    b"  model.bin",
    b"model.bin",
    b"\n",
    b"1" * 40,
    b'{"',
    b'":',
    b"{}",
    b'"files"',
    b"\\",
    b"nan",
    b"[" * 3000,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=80), st.sampled_from(PARTS)), max_size=12),
    st.sets(st.sampled_from(SOURCES), min_size=1),
)
def test_no_source_is_hostile_enough(desk: Desk, parts: list[bytes], names: set[str]) -> None:
    path = desk.put("model.bin")
    desk.put(SOURCES[3], f"{'1' * 40}\n{SHA256}\n{path.stat().st_mtime}\n")
    for name in names:
        desk.put(name, b"".join(parts))
    answer = desk.about(path)
    assert len(answer.findings) == len({(finding.code, finding.path) for finding in answer.findings})
