"""What a pinned tree says, of whose files, and of whose not."""

from __future__ import annotations

import pytest

from tests.unit.provenance.builders import COMMIT, GIT, NOTHING_SHA256, A, codes
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.hub import RepoEntry
from wan_healthd.domain.models import Layout, Model
from wan_healthd.provenance import hub
from wan_healthd.provenance.hub import PinnedTree
from wan_healthd.provenance.sources import NOT_TOLD, Subject, Told, Unusable

FOLDER = Model("wan", Layout.FOLDER, b"/m/wan", b"/m")
CACHED = b"/m/models--a--b/snapshots/"
ENTRIES = (
    RepoEntry("config.json", 7, GIT),
    RepoEntry("high/w.safetensors", 100, GIT, A, is_elsewhere=True),
    RepoEntry("split_files/vae/v.safetensors", 50, GIT, A, is_elsewhere=True),
    RepoEntry("a/twice.bin", 1, GIT),
    RepoEntry("b/twice.bin", 2, GIT),
    RepoEntry("elsewhere.bin", 9, GIT, is_elsewhere=True),
    RepoEntry("broken.bin", 9, GIT, NOTHING_SHA256, is_elsewhere=True),
)


def tree(*entries: RepoEntry) -> PinnedTree:
    found = hub.pinned("a/b", COMMIT, hub.document(entries))
    assert isinstance(found, PinnedTree)
    return found


def ask(path: bytes, model: Model = FOLDER) -> Told:
    return hub.told(tree(*ENTRIES), model, Subject(path, 100))


def test_a_file_kept_elsewhere_is_known_by_its_sha256() -> None:
    (claim,) = ask(b"/m/wan/high/w.safetensors").claims
    assert (claim.source, claim.size_bytes, claim.sha256, claim.git_sha1) == (VerifiedBy.HUB, 100, A, None)
    assert claim.authority == "the hub's list of a/b at commit 1a2b3c4"


def test_a_file_in_git_is_known_by_its_blob() -> None:
    (claim,) = ask(b"/m/wan/config.json").claims
    assert (claim.sha256, claim.git_sha1) == (None, GIT)


def test_the_blob_of_a_pointer_says_nothing_of_the_content() -> None:
    (claim,) = ask(b"/m/wan/elsewhere.bin").claims
    assert (claim.size_bytes, claim.sha256, claim.git_sha1) == (9, None, None)


def test_a_placeholder_is_refused() -> None:
    assert codes(ask(b"/m/wan/broken.bin")) == ["digest-refused"]


@pytest.mark.parametrize("path", [b"/m/wan/w.safetensors", b"/m/wan/absent", b"/m/other/config.json"])
def test_other_files_are_not_spoken_of(path: bytes) -> None:
    assert ask(path) == NOT_TOLD


def test_a_single_file_comes_from_any_folder_if_only_one_has_it() -> None:
    assert ask(b"/m/x/v.safetensors", Model("v", Layout.COMFYUI, b"/m/x/v.safetensors", b"/m")).claims
    assert ask(b"/m/x/twice.bin", Model("t", Layout.SINGLE_FILE, b"/m/x/twice.bin", b"/m")) == NOT_TOLD


@pytest.mark.parametrize("top", [b"/m/models--a--b", CACHED + COMMIT.encode()])
def test_a_snapshot_of_another_commit_is_not_spoken_of(top: bytes) -> None:
    model = Model("c", Layout.HF_CACHE, top, b"/m")
    assert ask(CACHED + COMMIT.encode() + b"/config.json", model).claims
    assert ask(CACHED + b"0" * 40 + b"/config.json", model) == NOT_TOLD


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", "a\0b", ""])
def test_a_list_with_a_path_that_cannot_be_is_of_no_use(path: str) -> None:
    assert isinstance(hub.pinned("a/b", COMMIT, hub.document([RepoEntry(path, 1, GIT)])), Unusable)
