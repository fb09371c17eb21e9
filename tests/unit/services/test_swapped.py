"""Content in another one's place: swapped shards and experts, by baseline, tree, list, or (twins) by nothing at all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.fakes.wan_files import lora, t2v
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import play
from wan_healthd.domain.findings import Finding

Names = tuple[str, str]
COMMIT = "ab" * 20
REPOSITORY = "models--Wan-AI--T2V"
CACHED = f"{REPOSITORY}/snapshots/{COMMIT}"

PLACES: dict[str, tuple[Names, list[str]]] = {
    "shards": (("wan/w-00001-of-00002.safetensors", "wan/w-00002-of-00002.safetensors"), ["wan"]),
    "experts of Wan": (("wan/high_noise_model/w.safetensors", "wan/low_noise_model/w.safetensors"), ["wan"]),
    "experts of diffusers": (("wan/transformer/w.safetensors", "wan/transformer_2/w.safetensors"), ["wan"]),
    "experts alone": (("x/transformer/w.safetensors", "x/transformer_2/w.safetensors"), ["x/transformer", "x/transformer_2"]),
    "a pair in ComfyUI": (("unet/a_high_noise.safetensors", "unet/a_low_noise.safetensors"), [
        "unet/a_high_noise.safetensors", "unet/a_low_noise.safetensors",
    ]),
    "LoRAs": (("loras/x-HIGH.safetensors", "loras/x-LOW.safetensors"), ["loras/x-HIGH.safetensors", "loras/x-LOW.safetensors"]),
}  # fmt: skip
TWO: dict[str, tuple[bytes, bytes]] = {
    "same size": (sample(1, 40_000, 2), sample(2, 40_000, 2)),
    "other size": (sample(1, 40_000, 2), sample(2, 60_000, 2)),
}


def put(shop: Workshop, names: Sequence[str], contents: Sequence[bytes]) -> None:
    for name, content in zip(names, contents, strict=True):
        shop.put(name, content)
    if names[0].startswith("wan/transformer"):
        shop.put("wan/model_index.json", b'{"_class_name": "WanPipeline"}')
    elif names[0].startswith("wan/w"):
        shop.put("wan/config.json", b'{"a": 1}')


async def codes(shop: Workshop, models: Sequence[str]) -> set[str]:
    """What is found on these models, but for all that the sparse folders of these tests lack."""
    return {issue.code for model_id in models for issue in (await shop.result(model_id)).issues} - {"file-missing"}


def swap(shop: Workshop, one: str, other: str) -> None:
    os.rename(shop.path(one), shop.path("aside"))
    os.rename(shop.path(other), shop.path(one))
    os.rename(shop.path("aside"), shop.path(other))


def sums(shop: Workshop, names: Sequence[str], contents: Sequence[bytes]) -> None:
    lines = [f"{hashlib.sha256(c).hexdigest()}  {name}\n" for name, c in zip(names, contents, strict=True)]
    shop.put("SHA256SUMS", "".join(lines).encode())


def notes(shop: Workshop, names: Sequence[str], contents: Sequence[bytes]) -> None:
    """As `hf download --local-dir` leaves them: a tree, to which each file's own note leads, and that is dated."""
    tree = {}
    for name, content in zip(names, contents, strict=True):
        digest = hashlib.sha256(content).hexdigest()
        tree[name] = {"size": len(content), "blob_id": "1" * 40, "lfs_sha256": digest, "lfs_size": len(content)}
        shop.put(f".cache/huggingface/download/{name}.metadata", f"{COMMIT}\n{digest}\n{1e9}\n".encode())
    shop.put(f".cache/huggingface/trees/{COMMIT}.json", json.dumps({"format_version": 1, "files": tree}).encode())


async def mismatches(shop: Workshop, names: Sequence[str]) -> list[Finding | None]:
    found = [await shop.findings(name) for name in names]
    return [next((item for item in findings if item.code == "checksum-mismatch"), None) for findings in found]


def speaks_of(finding: Finding | None, shop: Workshop, home: str) -> bool:
    assert finding is not None
    told = f"it holds what belongs to {os.fsdecode(shop.path(home))}: the two were swapped, or one was copied over the other"
    assert ("rename each to the other's name" in finding.suggestion) == (told in finding.message)
    return told in finding.message


@pytest.mark.parametrize("size", TWO)
@pytest.mark.parametrize("place", PLACES)
def test_swapped_with_a_baseline(tmp_path: Path, place: str, size: str) -> None:
    names, models = PLACES[place]

    async def scenario(shop: Workshop) -> None:
        put(shop, names, TWO[size])
        await shop.sweep()
        swap(shop, *names)
        await shop.sweep()
        found = await mismatches(shop, names)
        assert [speaks_of(f, shop, home) for f, home in zip(found, reversed(names), strict=True)] == [True, True]
        await shop.full_sweep()
        assert await mismatches(shop, names) == found, "the same when every byte is read again"
        assert await codes(shop, models) == {"checksum-mismatch"}
        swap(shop, *names)
        await shop.sweep()
        assert await mismatches(shop, names) == [None, None]

    play(tmp_path, scenario)


@pytest.mark.parametrize("source", [sums, notes])
@pytest.mark.parametrize("size", TWO)
@pytest.mark.parametrize("place", PLACES)
def test_swapped_before_anybody_looked(
    tmp_path: Path, place: str, size: str, source: Callable[[Workshop, Sequence[str], Sequence[bytes]], None]
) -> None:
    names, _ = PLACES[place]

    async def scenario(shop: Workshop) -> None:
        put(shop, names, TWO[size])
        source(shop, names, TWO[size])
        swap(shop, *names)
        await shop.sweep()
        found = await mismatches(shop, names)
        assert [speaks_of(f, shop, home) for f, home in zip(found, reversed(names), strict=True)] == [True, True]

    play(tmp_path, scenario)


def test_swapped_in_the_hub_cache(tmp_path: Path) -> None:
    names = (f"{CACHED}/high_noise_model/w.safetensors", f"{CACHED}/low_noise_model/w.safetensors")

    async def scenario(shop: Workshop) -> None:
        digests = [hashlib.sha256(content).hexdigest() for content in TWO["same size"]]
        tree = {n.removeprefix(f"{CACHED}/"): {"size": 1, "blob_id": "1" * 40} for n in names}
        for name, digest, content in zip(names, digests, TWO["same size"], strict=True):
            entry = {"size": len(content), "blob_id": "1" * 40, "lfs_sha256": digest, "lfs_size": len(content)}
            tree[name.removeprefix(f"{CACHED}/")] = entry
        shop.put(f"{REPOSITORY}/trees/{COMMIT}.json", json.dumps({"format_version": 1, "files": tree}).encode())
        shop.put(f"{REPOSITORY}/refs/main", COMMIT.encode())
        put(shop, names, TWO["same size"][::-1])
        await shop.sweep()
        assert all(speaks_of(f, shop, h) for f, h in zip(await mismatches(shop, names), reversed(names), strict=True))

    play(tmp_path, scenario)


@pytest.mark.parametrize("place", [name for name in PLACES if name != "shards"])
def test_one_copied_over_the_other(tmp_path: Path, place: str) -> None:
    """With a baseline it is known which one is wrong; without, that there is one."""
    names, models = PLACES[place]

    async def scenario(shop: Workshop) -> None:
        high, low = TWO["same size"]
        put(shop, names, (high, low))
        await shop.sweep()
        shop.put(names[1], high)
        await shop.sweep()
        found = await mismatches(shop, names)
        assert found[0] is None and speaks_of(found[1], shop, names[0])
        assert await codes(shop, models) == {"checksum-mismatch"}

    async def unknown(shop: Workshop) -> None:
        put(shop, names, [TWO["same size"][0]] * 2)
        await shop.sweep()
        assert await codes(shop, models) == {"experts-identical"}
        assert await mismatches(shop, names) == [None, None]
        told = [alert.model_id for alert in shop.sink.alerts if alert.kind.name == "advice-given"]
        assert sorted(str(model_id) for model_id in told) == sorted(models)
        shop.put(names[1], TWO["same size"][1])
        await shop.trust.trust(models[-1], [], uid=0, reason="")
        assert await codes(shop, models) == set()

    play(tmp_path / "known", scenario)
    play(tmp_path / "unknown", unknown)


def test_twins_that_a_person_accepted_are_not_told(tmp_path: Path) -> None:
    names, models = PLACES["LoRAs"]

    async def scenario(shop: Workshop) -> None:
        put(shop, names, [lora(), lora()])
        await shop.sweep()
        first = await shop.trust.trust(models[0], [], uid=0, reason="it is for both")
        assert first is not None and "x-HIGH.safetensors is right, so it is x-LOW" in first.issues[0].message
        assert "x-HIGH.safetensors is right" in (await shop.result(models[1])).issues[0].message
        await shop.trust.trust(models[1], [], uid=0, reason="likewise")
        assert [(await shop.result(model_id)).issues for model_id in models] == [(), ()]

    play(tmp_path, scenario)


def test_what_belongs_to_a_stranger_or_nowhere_is_just_other_content(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        one, other = TWO["same size"]
        put(shop, ("a/w.safetensors", "b/w.safetensors"), (one, other))
        await shop.sweep()
        shop.put("a/w.safetensors", other)
        await shop.sweep()
        (finding,) = await mismatches(shop, ["a/w.safetensors"])
        assert finding is not None and "somebody wrote to it" in finding.message

    play(tmp_path, scenario)


def test_rot_of_one_of_two_that_are_the_same_is_no_swap(tmp_path: Path) -> None:
    """What is on record of a rotten file is what it should be: that says nothing of where its bytes belong."""
    names = ("wan/transformer/w.safetensors", "wan/transformer_2/w.safetensors")

    async def scenario(shop: Workshop) -> None:
        put(shop, names, [t2v(), t2v()])
        await shop.sweep()
        shop.clock.advance(60)
        shop.engine.misread[0] = 1 << 20
        await shop.judge(names[0], full=True)
        (finding,) = await mismatches(shop, names[:1])
        assert finding is not None and "the disk changed it" in finding.message

    play(tmp_path, scenario)
