"""Which layout a folder has, what its models are called, and what is nobody's business."""

from __future__ import annotations

import pytest

from tests.unit.layouts.scenes import NOTHING, ROOT, FewFiles, folder
from wan_healthd.domain.models import Layout, Model
from wan_healthd.layouts import comfyui, hf_cache
from wan_healthd.layouts.ground import Ground
from wan_healthd.layouts.registry import Atlas, StatedModel, enter

OLD, NEW = b"1" * 40, b"2" * 40
REPO = ROOT + b"/models--org--name"
NOTES = FewFiles({b".cache/huggingface/download/": b""})


def snapshots(*commits: bytes, main: bytes = b"") -> Ground:
    """The ground that a walk brings along into each snapshot."""
    above = enter(
        Ground(), folder(REPO, b"blobs", b"refs", b"snapshots", b"trees"), Atlas(ROOT), FewFiles({b"refs/main": main})
    )
    assert above.ignored == {b"blobs", b"refs", b"trees"} and above.below(b"blobs").is_skipped
    return enter(above.below(b"snapshots"), folder(REPO + b"/snapshots", *commits), Atlas(ROOT), NOTHING)


def claim(ground: Ground, commit: bytes, atlas: Atlas | None = None) -> Model | None:
    listing = folder(REPO + b"/snapshots/" + commit, b"config.json", b"model.safetensors")
    return enter(ground.below(commit), listing, atlas or Atlas(ROOT), NOTHING).model


def test_the_main_snapshot_has_the_repositorys_name_and_others_add_their_commit() -> None:
    ground = snapshots(OLD, NEW, main=NEW + b"\n")
    path = REPO + b"/snapshots/"
    assert claim(ground, NEW) == Model("org/name", Layout.HF_CACHE, path + NEW, ROOT)
    assert claim(ground, OLD) == Model("org/name@" + OLD.decode(), Layout.HF_CACHE, path + OLD, ROOT)


@pytest.mark.parametrize("main", [b"", NEW, b"\xff\x00garbage"])
def test_the_only_snapshot_has_the_plain_name_unless_another_is_main(main: bytes) -> None:
    model = claim(snapshots(OLD, main=main), OLD)
    assert model is not None and model.id == "org/name"


def test_a_stated_model_names_its_snapshot() -> None:
    path = REPO + b"/snapshots/" + OLD
    model = claim(snapshots(OLD, NEW), OLD, Atlas(ROOT, [StatedModel("mine", path)]))
    assert model == Model("mine", Layout.HF_CACHE, path, ROOT, stated=True)


def test_a_stated_repository_claims_its_snapshots_and_not_its_blobs() -> None:
    atlas = Atlas(ROOT, [StatedModel("mine", REPO)])
    ground = enter(Ground(), folder(REPO, b"blobs", b"snapshots"), atlas, NOTHING)
    assert ground.model == Model("mine", Layout.FOLDER, REPO, ROOT, stated=True)
    assert ground.below(b"blobs") == Ground(is_skipped=True)
    assert (
        claim(enter(ground.below(b"snapshots"), folder(REPO + b"/snapshots", OLD), atlas, NOTHING), OLD, atlas) == ground.model
    )


def test_the_caches_own_files_are_nobodys_business() -> None:
    listing = folder(ROOT, b"models--org--name", b"datasets--a--b", b"blobs", b"CACHEDIR.TAG", b"version.txt", b"x.safetensors")
    ground = enter(Ground(), listing, Atlas(ROOT), NOTHING)
    assert [entry.name for entry in ground.entries(listing)] == [b"models--org--name", b"x.safetensors"]
    assert enter(Ground(), folder(ROOT, b"blobs", b"version.txt"), Atlas(ROOT), NOTHING).ignored == frozenset()


@pytest.mark.parametrize(
    ("name", "repo"),
    [
        (b"models--org--name", "org/name"),
        (b"models--org--na--me", "org/na--me"),
        (b"models--gpt2", "gpt2"),
        (b"models--", None),
        (b"models--a--\xff", None),
        (b"datasets--a--b", None),
    ],
)
def test_a_cached_repository_is_known_by_its_folder(name: bytes, repo: str | None) -> None:
    assert hf_cache.repo_of(name, frozenset({b"blobs"})) == repo
    assert hf_cache.repo_of(name, frozenset({b"config.json"})) is None


def test_the_clients_notes_make_a_folder_one_model() -> None:
    listing = folder(ROOT + b"/wan", b".cache", b"a.safetensors", b"b.safetensors")
    ground = enter(Ground(), listing, Atlas(ROOT), NOTES)
    assert ground.model == Model("wan", Layout.LOCAL_DIR, ROOT + b"/wan", ROOT)
    assert b".cache" not in {entry.name for entry in ground.entries(listing)}
    assert enter(Ground(), listing, Atlas(ROOT), NOTHING).model is None


@pytest.mark.parametrize("inside", [b"diffusion_models", b"split_files", b"loras"])
def test_a_download_into_everybodys_folder_makes_no_model_of_it(inside: bytes) -> None:
    assert enter(Ground(), folder(ROOT + b"/models", b".cache", inside), Atlas(ROOT), NOTES).model is None


def test_a_model_that_turns_out_to_be_of_another_layout_keeps_its_id() -> None:
    path = ROOT + b"/wan"
    known = Model("my-wan", Layout.FOLDER, path, ROOT)
    ground = enter(Ground(), folder(path, b"model_index.json"), Atlas(ROOT, remembered={path: known}), NOTHING)
    assert ground.model == Model("my-wan", Layout.DIFFUSERS, path, ROOT)


@pytest.mark.parametrize(
    ("base", "parent", "expected"),
    [
        (b"diffusion_models", b"models", True),
        (b"unet", None, True),
        (b"vae", b"split_files", True),
        (b"vae", b"my-pipeline", False),
        (b"upscale", b"models", False),
    ],
)
def test_comfyui_keeps_its_folders_below_models_or_a_root(base: bytes, parent: bytes | None, expected: bool) -> None:
    assert comfyui.is_collection(base, parent) is expected


def test_a_lone_file_in_a_subfolder_of_comfyui_is_a_model_by_itself() -> None:
    above = enter(Ground(), folder(ROOT + b"/vae", b"wan"), Atlas(ROOT), NOTHING)
    assert enter(above.below(b"wan"), folder(ROOT + b"/vae/wan", b"x.safetensors"), Atlas(ROOT), NOTHING).model is None
    assert enter(Ground(), folder(ROOT + b"/my/wan", b"x.safetensors"), Atlas(ROOT), NOTHING).model is not None


@pytest.mark.parametrize(
    ("path", "repo"),
    [
        (REPO + b"/blobs/" + OLD, REPO),
        (REPO + b"/blobs/deeper/x", None),
        (REPO + b"/snapshots/" + OLD, None),
        (ROOT + b"/blobs/ab/cdef", None),
        (b"/blobs/x", None),
    ],
)
def test_a_blob_belongs_to_its_repository(path: bytes, repo: bytes | None) -> None:
    assert hf_cache.repo_of_blob(path) == repo
