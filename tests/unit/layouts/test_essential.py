"""What the configuration says that a model needs, in place of its layout's table."""

from __future__ import annotations

import json

from tests.unit.layouts.scenes import ROOT, missed
from tests.unit.layouts.test_completeness import TI2V
from wan_healthd.layouts.essential import MAX_NEEDS, needs_of
from wan_healthd.layouts.needs import Need
from wan_healthd.layouts.registry import Atlas, StatedModel

SPIECE = b"m/google/umt5-xxl/spiece.model"
WAN = {b"m/" + name: content for name, content in TI2V.items() if b"m/" + name != SPIECE}


def lacking(tree: dict[bytes, bytes], essential: tuple[bytes, ...] | None, *listed: bytes, path: bytes = b"m") -> set[bytes]:
    atlas = Atlas(ROOT, [StatedModel("mine", ROOT + b"/" + path, essential, listed)])
    found = missed(tree, atlas)
    assert set(found.values()) <= {"mine"}
    return set(found)


def test_a_name_is_needed_and_of_a_pattern_one_match() -> None:
    assert needs_of([b"config.json", b"vae/*.pth"]) == (Need(b"", (b"config.json",)), Need(b"vae", (b"*.pth",)))


def test_every_match_that_the_source_has_is_needed() -> None:
    listed = [b"a.bin", b"b.bin", b"vae/c.bin", b"d.txt"]
    assert needs_of([b"*.bin"], listed) == (Need(b"", (b"a.bin",)), Need(b"", (b"b.bin",)))
    assert needs_of([b"vae/*"], listed) == (Need(b"vae", (b"c.bin",)),)
    assert needs_of([b"*.gguf"], listed) == (Need(b"", (b"*.gguf",)),)


def test_needs_are_bounded() -> None:
    assert len(needs_of([b"*"] * 10, [b"%d" % number for number in range(MAX_NEEDS)])) == MAX_NEEDS


def test_the_layout_has_no_say() -> None:
    assert lacking(WAN, None) == {SPIECE}
    assert lacking(WAN, ()) == set()
    assert lacking(WAN, (b"config.json", b"vae/x.pth", b"*.gguf")) == {b"m/vae/x.pth", b"m/*.gguf"}


def test_neither_has_that_of_a_folder_within() -> None:
    tree = {b"m/part/model_index.json": json.dumps({"vae": ["diffusers", "V"]}).encode(), b"m/a.bin": b""}
    assert lacking(tree, None) == {b"m/part/vae/config.json", b"m/part/vae/diffusion_pytorch_model.safetensors"}
    assert lacking(tree, (b"part/x.bin",)) == {b"m/part/x.bin"}


def test_series_and_indices_still_count() -> None:
    tree = {b"m/w-00001-of-00002.bin": b"", b"m/x.safetensors.index.json": b'{"weight_map": {"t": "y.safetensors"}}'}
    assert lacking(tree, ()) == {b"m/w-00002-of-00002.bin", b"m/y.safetensors"}


def test_the_source_tells_which_shards_there_are() -> None:
    listed = (b"w-00001-of-00002.safetensors", b"w-00002-of-00002.safetensors", b"README.md")
    assert lacking({b"m/config.json": b"{}"}, (b"*.safetensors",), *listed) == {b"m/" + name for name in listed[:2]}


def test_a_cached_repository_needs_it_in_its_snapshot() -> None:
    commit = b"1" * 40
    top = b"models--a--b/snapshots/" + commit
    tree = {b"models--a--b/refs/main": commit, b"models--a--b/blobs/x": b"", top + b"/config.json": b"{}"}
    for path in (b"models--a--b", top):
        assert lacking(tree, (b"config.json", b"*.bin"), path=path) == {top + b"/*.bin"}
