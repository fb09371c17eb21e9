"""Which folders are models, which files are, and what they are called."""

from __future__ import annotations

import pytest

from wan_healthd.domain.files import Entry, FileLook, Listing, Presence
from wan_healthd.domain.models import Layout, Model
from wan_healthd.layouts.folder import COLLECTIONS, is_model
from wan_healthd.layouts.ground import Ground
from wan_healthd.layouts.registry import Atlas, StatedModel, enter, file_model, id_below, ids_beside, may_take, stated_at

ROOT = b"/srv/weights"
SHARDS = (b"m-00001-of-00002.safetensors", b"m-00002-of-00002.safetensors")


def folder(path: bytes, *names: bytes, presence: Presence = Presence.FILE) -> Listing:
    return Listing(path, tuple(Entry(name, FileLook(presence)) for name in sorted(names)))


MODELS = {
    "marker beside weights": (folder(ROOT + b"/a", b"config.json", b"x.safetensors", b"y.safetensors"), True),
    "index beside weights": (folder(ROOT + b"/a", b"m.safetensors.index.json", b"x.gguf", b"y.gguf"), True),
    "shards": (folder(ROOT + b"/a", *SHARDS), True),
    "shards and a stranger": (folder(ROOT + b"/a", *SHARDS, b"x.pth"), False),
    "one weight file": (folder(ROOT + b"/flux-dev", b"flux.safetensors"), True),
    "two unrelated weight files": (folder(ROOT + b"/a", b"x.safetensors", b"y.safetensors"), False),
    "marker without weights": (folder(ROOT + b"/tokenizer", b"tokenizer.json", b"config.json"), False),
    "nothing": (folder(ROOT + b"/a"), False),
    "one weight file in the root": (folder(ROOT, b"x.safetensors"), False),
    "a root that is a model": (folder(ROOT, b"config.json", b"x.safetensors"), True),
    "one weight file in a collection": (folder(ROOT + b"/LoRAs", b"x.safetensors"), False),
    "a folder named like weights": (folder(ROOT + b"/a", b"x.onnx", presence=Presence.FOLDER), False),
    "a device named like weights": (folder(ROOT + b"/a", b"x.bin", presence=Presence.IRREGULAR), False),
    "a dangling link that was the weights": (folder(ROOT + b"/a", b"x.safetensors", presence=Presence.DANGLING), True),
}


@pytest.mark.parametrize(("listing", "expected"), MODELS.values(), ids=MODELS)
def test_a_folder_is_a_model_by_what_lies_in_it(listing: Listing, expected: bool) -> None:
    assert is_model(listing, may_be_lone=listing.path != ROOT) is expected


def test_collections_are_written_as_they_are_compared() -> None:
    assert {name.lower() for name in COLLECTIONS} == COLLECTIONS


@pytest.mark.parametrize(
    ("root", "path", "name"),
    [
        (ROOT, b"/srv/weights/wan/T2V", "wan/T2V"),
        (ROOT + b"/", b"/srv/weights/wan", "wan"),
        (ROOT, ROOT, "weights"),
        (ROOT + b"/", ROOT, "weights"),
        (b"/", b"/wan", "wan"),
        (b"/", b"/", "/"),
        (ROOT, b"/srv/weights/a\nb", r"a\nb"),
        (ROOT, b"/srv/weights/\xff", r"\xff"),
    ],
)
def test_an_unstated_model_is_named_by_its_path_below_the_root(root: bytes, path: bytes, name: str) -> None:
    assert id_below(root, path) == name


class Nothing:
    """Nothing is nearby."""

    def peek(self, name: bytes, limit_bytes: int) -> bytes | None:
        return None

    def is_folder(self, name: bytes) -> bool:
        return False


def claim(listing: Listing, atlas: Atlas, above: Ground = Ground()) -> Model | None:  # noqa: B008 - frozen
    return enter(above, listing, atlas, Nothing()).model


def test_a_folder_that_looks_like_a_model_is_claimed() -> None:
    listing = folder(ROOT + b"/wan", *SHARDS)
    assert claim(listing, Atlas(ROOT)) == Model("wan", Layout.FOLDER, ROOT + b"/wan", ROOT)


def test_a_folder_that_looks_like_a_collection_is_not() -> None:
    assert claim(folder(ROOT + b"/vae", b"x.safetensors"), Atlas(ROOT)) is None


def test_a_model_keeps_its_id_whatever_arrives_beside_it() -> None:
    path = ROOT + b"/flux"
    listing = folder(path, b"x.safetensors", b"y.safetensors")
    known = Model("my-flux", Layout.FOLDER, path, ROOT)
    assert claim(listing, Atlas(ROOT)) is None
    assert claim(listing, Atlas(ROOT, remembered={path: known})) == known


def test_a_model_claims_all_below_it_but_what_is_stated() -> None:
    above = Ground(Model("flux", Layout.FOLDER, ROOT + b"/flux", ROOT))
    path = ROOT + b"/flux/vae"
    assert claim(folder(path, b"x.safetensors"), Atlas(ROOT), above) == above.model
    assert claim(folder(path), Atlas(ROOT, [StatedModel("a", path)]), above) == Model("a", Layout.FOLDER, path, ROOT, True)


def test_loose_weights_are_models_by_themselves() -> None:
    path = ROOT + b"/loras/x.safetensors"
    assert file_model(path, Ground(), Atlas(ROOT)) == Model("loras/x.safetensors", Layout.SINGLE_FILE, path, ROOT)
    assert file_model(path, Ground(is_collection=True), Atlas(ROOT)).layout is Layout.COMFYUI


def test_what_is_skipped_is_skipped_all_the_way_down() -> None:
    above = Ground(ignored=frozenset({b"blobs"})).below(b"blobs")
    ground = enter(above, folder(ROOT + b"/blobs", b"x.safetensors", b"config.json"), Atlas(ROOT), Nothing())
    assert ground == Ground(is_skipped=True) == ground.below(b"deeper")
    assert list(ground.entries(folder(ROOT + b"/blobs", b"x.safetensors"))) == []


def test_a_stated_model_names_its_very_place_only() -> None:
    stated = [StatedModel("a", ROOT + b"/a"), StatedModel("b", ROOT + b"/b")]
    assert stated_at(ROOT + b"/b", ROOT, Layout.FOLDER, stated) == Model("b", Layout.FOLDER, ROOT + b"/b", ROOT, stated=True)
    assert stated_at(ROOT + b"/b/c", ROOT, Layout.FOLDER, stated) is None


CACHED = Model("Org/Name", Layout.HF_CACHE, ROOT + b"/b/models--Org--Name/snapshots/" + b"a" * 40, ROOT)


def test_an_id_that_another_root_has_takes_the_root_along() -> None:
    mine = Model("wan.safetensors", Layout.SINGLE_FILE, b"/two/wan.safetensors", b"/two")
    theirs = Model("wan.safetensors", Layout.SINGLE_FILE, ROOT + b"/wan.safetensors", ROOT)
    assert not may_take(mine, theirs)
    assert next(ids_beside(mine, theirs)) == "wan.safetensors@/two"
    assert len(set(ids_beside(mine, theirs))) == 3, "and others, should that be taken, too"


def test_a_repository_in_two_caches_takes_the_folder_of_its_cache_along() -> None:
    theirs = Model("Org/Name", Layout.HF_CACHE, ROOT + b"/a/models--Org--Name/snapshots/" + b"a" * 40, ROOT)
    assert not may_take(CACHED, theirs)
    assert next(ids_beside(CACHED, theirs)) == "Org/Name@b"
    assert next(ids_beside(Model("a/x", Layout.FOLDER, ROOT + b"/a/x", ROOT), theirs)) == "a/x@a/x"


def test_snapshots_of_one_repository_hand_its_id_on() -> None:
    older = Model("Org/Name", Layout.HF_CACHE, CACHED.path[:-40] + b"b" * 40, ROOT)
    assert may_take(CACHED, older)
    assert may_take(CACHED, None)
    assert may_take(CACHED, CACHED)
    assert not may_take(CACHED, Model("Org/Name", Layout.HF_CACHE, older.path, ROOT, stated=True)), "who is stated keeps it"
