"""Sources that changed while nobody told: the next sweep hears them, reads nothing, and judges nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop, workshop
from tests.unit.services.scenario import play
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.services.orders import Order
from wan_healthd.services.queue import Priority, Ticket

SMALL = sample(3, 4000, 2)
OTHER = sample(4, 4000, 2)
COMMIT = "a" * 40
FILE, DEEP, ELSEWHERE = "flux/a.safetensors", "flux/x/y/b.safetensors", "wan/c.safetensors"
SNAPSHOT = f"models--org--n/snapshots/{COMMIT}/m.safetensors"
TICK_S = 0.012


def sums(name: str, content: bytes) -> bytes:
    return f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()


def note(name: str, content: bytes) -> bytes:
    return f"{COMMIT}\n{hashlib.sha256(content).hexdigest()}\n4000000000.0\n".encode()


def tree(name: str, content: bytes) -> bytes:
    size, digest = len(content), hashlib.sha256(content).hexdigest()
    entry = {"size": size, "blob_id": "1" * 40, "lfs_sha256": digest, "lfs_size": size}
    return json.dumps({"format_version": 1, "files": {name: entry}}).encode()


class Kind(NamedTuple):
    """A kind of source: where it stands, how it names its subject, and of which file it speaks."""

    place: str
    text: Callable[[str, bytes], bytes]
    name: str
    about: str


KINDS = {
    "sidecar": Kind(f"{FILE}.sha256", sums, "a.safetensors", FILE),
    "list": Kind("flux/SHA256SUMS", sums, "x/y/b.safetensors", DEEP),
    "list at the root": Kind("SHA256SUMS", sums, DEEP, DEEP),
    "note": Kind("flux/.cache/huggingface/download/x/y/b.safetensors.metadata", note, "", DEEP),
    "tree of the cache": Kind(f"models--org--n/trees/{COMMIT}.json", tree, "m.safetensors", SNAPSHOT),
}


async def judged(shop: Workshop, order: Order | None = None, folder: str | None = None) -> int:
    """Sweep; how many files were judged."""
    ticket = Ticket()
    place = shop.root if folder is None else shop.path(folder)
    await shop.sweeper.sweep(shop.root, place, order or Order(Priority.DUE), ticket)
    await ticket.wait()
    time.sleep(TICK_S)  # whatever comes now shows in the time stamps
    return ticket.issued


async def at_rest(shop: Workshop) -> int:
    """Four files are known, and a sweep finds nothing to do; returns the bytes that were read."""
    for name in (FILE, DEEP, ELSEWHERE, SNAPSHOT):
        shop.put(name, SMALL)
    later(shop)
    for _ in range(3):
        await judged(shop)
    assert await judged(shop) == 0
    return shop.activity.bytes_read


def later(shop: Workshop) -> None:
    """Ten seconds from now, by the clock of the files."""
    shop.clock.jump((datetime.now(UTC) - shop.clock.now()).total_seconds() + 10)


async def verified_by(shop: Workshop, name: str) -> VerifiedBy | None:
    state = await shop.state(name)
    return None if state is None or state.expected is None else state.expected.expectation.source


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_source_that_came_changed_and_went(tmp_path: Path, kind: Kind) -> None:
    async def scenario(shop: Workshop) -> None:
        read = await at_rest(shop)
        expected = 2 if kind.place == "flux/SHA256SUMS" else 4 if kind.place == "SHA256SUMS" else 1
        shop.put(kind.place, kind.text(kind.name, OTHER))
        assert await judged(shop) in (expected, expected + 1), "the walk may come by the new finding, and confirm it"
        assert await shop.codes(kind.about) == ["checksum-mismatch"]
        assert await judged(shop) == 1, "a finding is confirmed in each sweep"
        shop.put(kind.place, kind.text(kind.name, SMALL))
        await judged(shop)
        assert await shop.codes(kind.about) == []
        assert await judged(shop) == 0
        told = await shop.told()
        os.unlink(shop.path(kind.place))
        assert await judged(shop) == expected
        assert await judged(shop) == 0
        assert await shop.told() == told
        assert shop.activity.bytes_read == read

    play(tmp_path, scenario)


def test_a_first_sweep_judges_nothing_twice(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        for kind in KINDS.values():
            shop.put(kind.about, SMALL)
            shop.put(kind.place, kind.text(kind.name, SMALL))
        later(shop)
        time.sleep(TICK_S)
        assert await judged(shop) == len({kind.about for kind in KINDS.values()})
        assert await judged(shop) == 0

    play(tmp_path, scenario)


@pytest.mark.parametrize("gone", ["flux/.cache", "flux/.cache/huggingface/download/x"])
def test_notes_that_went_with_their_folder(tmp_path: Path, gone: str) -> None:
    async def scenario(shop: Workshop) -> None:
        kind = KINDS["note"]
        await at_rest(shop)
        shop.put(kind.place, kind.text(kind.name, SMALL))
        await judged(shop)
        shutil.rmtree(shop.path(gone))
        assert await judged(shop) == 1
        assert await judged(shop) == 0

    play(tmp_path, scenario)


def test_a_tree_in_a_local_folder_is_rewritten_in_place(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        kind = KINDS["note"]
        shop.put(kind.place, note("", SMALL))
        place = f"flux/.cache/huggingface/trees/{COMMIT}.json"
        shop.put(place, tree("x/y/b.safetensors", SMALL))
        await at_rest(shop)
        assert await verified_by(shop, DEEP) is VerifiedBy.HF_TREE
        shop.put(place, tree("x/y/b.safetensors", OTHER))
        await judged(shop)
        assert await shop.codes(DEEP) != []

    play(tmp_path, scenario)


@pytest.mark.parametrize("is_outside", [True, False])
def test_a_stated_manifest(tmp_path: Path, is_outside: bool) -> None:
    async def scenario(shop: Workshop) -> None:
        manifest = os.fsencode(tmp_path / "lists" / "flux.txt") if is_outside else shop.path("lists/flux.txt")
        os.makedirs(os.path.dirname(manifest))
        shop.manifests["flux"] = manifest
        shop.manifest_places[manifest] = shop.path("flux")
        Path(os.fsdecode(manifest)).write_bytes(sums("a.safetensors", SMALL))
        read = await at_rest(shop)
        for content, judgements, codes in ((OTHER, 2, ["checksum-mismatch"]), (SMALL, 3, [])):  # the third confirms the finding
            Path(os.fsdecode(manifest)).write_bytes(sums("a.safetensors", content))
            assert await judged(shop) == judgements
            assert await shop.codes(FILE) == codes
        assert await judged(shop) == 0
        del shop.manifests["flux"], shop.manifest_places[manifest]
        assert await judged(shop) == 2, "it is stated no more"
        assert await judged(shop) == 0
        assert shop.activity.bytes_read == read

    play(tmp_path, scenario, stated=[("flux", "flux")])


def test_a_source_that_may_change_without_a_trace_is_heard_again(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        await at_rest(shop)
        shop.clock.jump(-10)
        shop.put(f"{FILE}.sha256", sums("a.safetensors", SMALL))
        assert [await judged(shop), await judged(shop)] == [1, 1]
        later(shop)
        assert [await judged(shop), await judged(shop)] == [1, 0]

    play(tmp_path, scenario)


def test_a_sweep_that_has_all_judged_leaves_the_sources_to_the_next(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        await at_rest(shop)
        shop.put(f"{FILE}.sha256", sums("a.safetensors", OTHER))
        assert await judged(shop, Order(Priority.RETOLD), "flux") == 2
        assert await shop.codes(FILE) == ["checksum-mismatch"]
        assert await judged(shop) == 1

    play(tmp_path, scenario)


def test_what_was_enqueued_but_not_judged_is_found_again_after_the_end(tmp_path: Path) -> None:
    state = os.fsencode(tmp_path / "state.db")

    async def killed(shop: Workshop) -> None:
        """The sweep goes on until the file is enqueued; nobody judges it."""
        shop.put("flux/SHA256SUMS", sums("a.safetensors", OTHER))
        later(shop)
        sweep = asyncio.create_task(judged(shop))
        while not len(shop.queue):
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        sweep.cancel()
        await asyncio.wait([sweep])

    async def again(shop: Workshop) -> None:
        later(shop)
        await judged(shop)
        assert await shop.codes(FILE) == ["checksum-mismatch"]
        assert shop.activity.bytes_read == 0

    async def live(scenario: Callable[[Workshop], Awaitable[object]], *, lanes: bool) -> None:
        async with workshop(tmp_path, state=state, lanes=lanes) as shop:
            await asyncio.wait_for(scenario(shop), 15)

    asyncio.run(live(at_rest, lanes=True))
    asyncio.run(live(killed, lanes=False))
    asyncio.run(live(again, lanes=True))
