"""Unfinished downloads: under way they are neither findings nor noise; given up they are named, with size and age."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, play
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.partials import ORPHAN_AFTER_S, Orphans
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.services.orders import Order
from wan_healthd.services.queue import Priority
from wan_healthd.store import partials

SMALL = sample(3, 4000, 2)
REPO = "models--Wan-AI--Wan2.2"
SNAPSHOT = f"{REPO}/snapshots/{'a' * 40}"
NOTES = "flux/.cache/huggingface/download"
DAYS_3 = 3 * 86_400.0


def put_aged(shop: Workshop, name: str, age_s: float, content: bytes = bytes(5000)) -> bytes:
    path = shop.put(name, content)
    written_s = shop.clock.now().timestamp() - age_s
    os.utime(path, (written_s, written_s))
    return path


async def advice(shop: Workshop, model_id: str = MODEL) -> list[Finding]:
    return [item for item in (await shop.result(model_id)).issues if item.code == "orphan-partial"]


async def nobodys(shop: Workshop) -> Orphans:
    now_s = shop.clock.now().timestamp()
    return await shop.database.read(lambda db: partials.orphans_of_nobody(db, now_s))


@pytest.mark.parametrize(
    "name",
    [
        "flux/w.safetensors.part",
        "flux/vae/x.safetensors.crdownload",
        "flux/x.gguf.aria2",
        f"{NOTES}/x=.{'b' * 64}.incomplete",
        f"{NOTES}/vae/x=.{'b' * 64}.0a1b2c3d.incomplete",
    ],
)
def test_orphans_are_named_with_size_and_age_and_leave_the_model_healthy(tmp_path: Path, name: str) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, SMALL)
        path = put_aged(shop, name, DAYS_3)
        found = await shop.sweep()
        (finding,) = await advice(shop)
        assert (finding.path, finding.is_advice) == (os.fsdecode(path), True)
        assert finding.message.endswith("is an unfinished download or copy: 8.2 kB on the disk, last written to 3 days ago")
        assert (await shop.result(MODEL)).health_status is HealthStatus.HEALTHY
        assert found.unclaimed == []
        os.unlink(path)
        await shop.sweep()
        assert await advice(shop) == []

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("age_s", "is_told"),
    [(0, False), (ORPHAN_AFTER_S - 60, False), (ORPHAN_AFTER_S, True), (-60, False), (-10 * 365 * 86_400, True)],
)
def test_only_what_nobody_goes_on_with_is_told(tmp_path: Path, age_s: float, is_told: bool) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, SMALL)
        put_aged(shop, f"{FILE}.part", age_s)
        await shop.sweep()
        assert bool(await advice(shop)) is is_told

    play(tmp_path, scenario)


def test_what_is_under_way_becomes_an_orphan_by_time_alone(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, SMALL)
        put_aged(shop, f"{FILE}.part", 0)
        await shop.sweep()
        events = len(await shop.events())
        shop.clock.advance(ORPHAN_AFTER_S)
        await shop.sweep()
        assert len(await advice(shop)) == 1
        await shop.sweep()
        assert [event.kind.value for event in (await shop.events())[events:] if event.kind.value == "status-changed"] == []

    play(tmp_path, scenario)


def test_dozens_are_named_and_the_rest_is_counted(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, SMALL)
        for number in range(partials.MOST_NAMED + 10):
            put_aged(shop, f"flux/x{number:02}.part", DAYS_3, bytes(100_000 if number == 7 else 10))
        await shop.sweep()
        *named, rest = await advice(shop)
        assert (len(named), rest.path) == (partials.MOST_NAMED, None)
        assert named[0].path == os.fsdecode(shop.path("flux/x07.part")), "the largest first"
        assert rest.message == "10 more files are unfinished: 41.0 kB on the disk, last written to more than a day ago"

    play(tmp_path, scenario)


def test_partials_in_the_hubs_cache_belong_to_its_main_snapshot(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(f"{REPO}/blobs/{'b' * 40}", SMALL)
        shop.put(f"{REPO}/refs/main", b"a" * 40)
        os.makedirs(shop.path(SNAPSHOT))
        os.symlink(f"../../blobs/{'b' * 40}", shop.path(f"{SNAPSHOT}/w.safetensors"))
        path = put_aged(shop, f"{REPO}/blobs/{'c' * 64}.0a1b2c3d.incomplete", DAYS_3)
        shared = put_aged(shop, f"blobs/ab/{'d' * 64}.incomplete", DAYS_3)
        await shop.sweep()
        assert [item.path for item in await advice(shop, "Wan-AI/Wan2.2")] == [os.fsdecode(path)]
        assert [item.path for item in (await nobodys(shop)).largest] == [shared]

    play(tmp_path, scenario)


def test_what_belongs_to_no_model_is_kept_apart_and_forgotten_with_its_folder(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        path = put_aged(shop, "downloads/x.safetensors.part", DAYS_3)
        await shop.sweep()
        orphans = await nobodys(shop)
        assert ([item.path for item in orphans.largest], orphans.total, orphans.total_bytes) == ([path], 1, 8192)
        os.unlink(path)
        os.rmdir(os.path.dirname(path))
        await shop.sweep()
        assert await nobodys(shop) == Orphans()

    play(tmp_path, scenario)


def test_a_single_file_owns_the_download_that_would_replace_it(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("loras/a.safetensors", SMALL)
        shop.put("loras/b.safetensors", SMALL)
        put_aged(shop, "loras/a.safetensors.part", DAYS_3)
        await shop.sweep()
        await shop.sweep()
        assert len(await advice(shop, "loras/a.safetensors")) == 1
        assert await advice(shop, "loras/b.safetensors") == []

    play(tmp_path, scenario)


@pytest.mark.parametrize("age_s", [0, DAYS_3])
def test_a_preallocated_file_is_not_judged_before_its_control_file_goes(tmp_path: Path, age_s: float) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("flux/config.json", b'{"a": 1}')
        shop.put("flux/vae.safetensors", SMALL)
        hole = put_aged(shop, FILE, DAYS_3, bytes(1 << 20))
        put_aged(shop, f"{FILE}.aria2", age_s)
        for order in (Order(Priority.DUE), Order(Priority.REQUESTED), Order(Priority.DUE, full=True)):
            found = await shop.sweep(order)
            assert (await shop.state(FILE), found.unclaimed) == (None, [])
            assert (await shop.result(MODEL)).health_status is HealthStatus.HEALTHY
        await shop.judge(FILE)
        assert await shop.state(FILE) is None, "a hint makes no difference"
        assert [item.path for item in await advice(shop)] == ([os.fsdecode(hole)] if age_s else [])
        shop.put(FILE, SMALL)
        os.unlink(shop.path(f"{FILE}.aria2"))
        await shop.sweep()
        assert await shop.codes(FILE) == []
        assert await advice(shop) == []

    play(tmp_path, scenario)


def test_a_known_file_that_is_fetched_again_is_unknown_meanwhile(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, SMALL)
        await shop.sweep()
        shop.put(FILE, bytes(len(SMALL)))
        put_aged(shop, f"{FILE}.aria2", 0)
        await shop.sweep()
        assert await shop.codes(FILE) == ["could-not-judge"]
        assert (await shop.result(MODEL)).health_status is HealthStatus.UNKNOWN
        os.unlink(shop.path(f"{FILE}.aria2"))
        await shop.sweep()
        assert await shop.codes(FILE) == ["all-zeros"]

    play(tmp_path, scenario)


def test_a_control_file_left_behind_does_not_shield_a_known_file(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, SMALL)
        await shop.sweep()
        control = put_aged(shop, f"{FILE}.aria2", DAYS_3)
        shop.put(FILE, sample(9, 4000, 2))
        await shop.sweep()
        assert await shop.codes(FILE) == ["checksum-mismatch"]
        assert [item.path for item in await advice(shop)] == [os.fsdecode(control)], "the file itself is no litter"

    play(tmp_path, scenario)


def test_a_needed_file_of_which_only_a_part_is_there_is_not_taken_for_it(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("flux/model_index.json", b'{"_class_name": "WanPipeline", "vae": ["diffusers", "AutoencoderKLWan"]}')
        shop.put("flux/vae/config.json", b'{"a": 1}')
        weights = "flux/vae/diffusion_pytorch_model.safetensors"
        shop.put(weights, SMALL)
        put_aged(shop, f"{weights}.aria2", DAYS_3)
        await shop.sweep()
        assert await shop.codes(weights) == ["could-not-judge"]
        assert (await shop.result("flux")).is_healthy is False
        os.unlink(shop.path(f"{weights}.aria2"))
        await shop.sweep()
        assert await shop.codes(weights) == []

    play(tmp_path, scenario)


def test_a_folder_that_cannot_be_listed_keeps_what_is_known_of_it(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, SMALL)
        path = put_aged(shop, f"{FILE}.part", DAYS_3)
        await shop.sweep()
        known = await shop.database.read(lambda db: partials.in_folder(db, shop.root, os.path.dirname(path)))
        assert list(known) == [path]
        await shop.database.write(lambda db: partials.watch(db, [shop.root]))
        assert len(await shop.database.read(lambda db: partials.of_model(db, MODEL))) == 1
        await shop.database.write(lambda db: partials.watch(db, [b"/elsewhere"]))
        assert await shop.database.read(lambda db: partials.of_model(db, MODEL)) == ()

    play(tmp_path, scenario)


def test_time_stamps_beyond_the_calendar_are_harmless(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, SMALL)
        path = shop.put(f"{FILE}.part", b"x")
        os.utime(path, (0, 2**33))
        await shop.sweep()
        (finding,) = await advice(shop)
        assert finding.message.endswith("with a time stamp in the future")
        os.utime(path, (0, -(2**31)))
        await shop.sweep()
        assert len(await advice(shop)) == 1

    play(tmp_path, scenario)
