"""What a model needs is missed although it was never there, and found again when it comes."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import play
from wan_healthd.domain.models import Layout
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.services.orders import Order
from wan_healthd.services.queue import Priority
from wan_healthd.store import models

SMALL = sample(3, 4000, 2)
PIPELINE = json.dumps(
    {"vae": ["diffusers", "AutoencoderKLWan"], "scheduler": ["diffusers", "UniPCMultistepScheduler"]}
).encode()
SHARDS = [f"m/w-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]
HIGH = "models/diffusion_models/wan2.2_t2v_high_noise_14B_fp8_scaled.safetensors"
LOW = HIGH.replace("high", "low")


def put_pipeline(shop: Workshop) -> None:
    shop.put("wan/model_index.json", PIPELINE)
    shop.put("wan/vae/config.json", b'{"a": 1}')
    shop.put("wan/vae/diffusion_pytorch_model.safetensors", SMALL)
    shop.put("wan/scheduler/scheduler_config.json", b'{"a": 1}')


async def layout(shop: Workshop, model_id: str) -> Layout:
    record = await shop.database.read(lambda db: models.get(db, model_id))
    assert record is not None
    return record.model.layout


async def status(shop: Workshop, model_id: str) -> HealthStatus:
    return (await shop.result(model_id)).health_status


@pytest.mark.parametrize(
    "lost", ["wan/scheduler/scheduler_config.json", "wan/vae/config.json", "wan/vae/diffusion_pytorch_model.safetensors"]
)
def test_what_was_never_there_is_missed_until_it_comes(tmp_path: Path, lost: str) -> None:
    async def scenario(shop: Workshop) -> None:
        put_pipeline(shop)
        content = Path(os.fsdecode(shop.path(lost))).read_bytes()
        os.unlink(shop.path(lost))
        for _ in range(2):
            await shop.sweep()
            assert await shop.codes(lost) == ["file-missing"]
        weights_are_lost = lost.endswith("safetensors")
        assert await status(shop, "wan") is (HealthStatus.MISSING if weights_are_lost else HealthStatus.CORRUPTED)
        assert await layout(shop, "wan") is Layout.DIFFUSERS
        told = (await shop.told("wan")).count("finding-opened")
        shop.put(lost, content)
        await shop.sweep()
        assert await status(shop, "wan") is HealthStatus.HEALTHY
        assert (told, (await shop.told("wan")).count("finding-cleared")) == (1, 1)

    play(tmp_path, scenario)


def test_a_missing_subfolder_is_missed_file_by_file_and_forgotten_when_nobody_needs_it(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put_pipeline(shop)
        shutil.rmtree(shop.path("wan/scheduler"))
        await shop.sweep()
        assert await shop.codes("wan/scheduler/scheduler_config.json") == ["file-missing"]
        shop.put("wan/model_index.json", b'{"vae": ["diffusers", "AutoencoderKLWan"]}')
        await shop.sweep()
        assert await shop.state("wan/scheduler/scheduler_config.json") is None

    play(tmp_path, scenario)


def test_a_sweep_of_a_part_misses_as_a_sweep_of_all(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put_pipeline(shop)
        os.unlink(shop.path("wan/vae/config.json"))
        await shop.sweep(folder="wan/vae")
        assert await shop.codes("wan/vae/config.json") == ["file-missing"]

    play(tmp_path, scenario)


def test_a_shard_that_the_others_count_is_missed(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        for name in SHARDS[1:]:
            shop.put(name, SMALL)
        await shop.sweep()
        assert await shop.codes(SHARDS[0]) == ["file-missing"]
        assert await status(shop, "m") is HealthStatus.CORRUPTED
        judged = await shop.judge(SHARDS[0])
        assert judged is not None and judged.record.is_essential, "a look of its own does not forget it"

    play(tmp_path, scenario)


def test_accepting_that_it_is_absent_lasts(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        for name in SHARDS[1:]:
            shop.put(name, SMALL)
        await shop.sweep()
        result = await shop.trust.trust("m", [os.fsdecode(shop.path(SHARDS[0]))], uid=0, reason="merged elsewhere")
        assert result is not None and result.health_status is HealthStatus.HEALTHY
        await shop.sweep()
        assert await shop.state(SHARDS[0]) is None
        shop.put(SHARDS[0], SMALL)
        await shop.sweep()
        os.unlink(shop.path(SHARDS[0]))
        await shop.sweep()
        assert await shop.codes(SHARDS[0]) == ["file-missing"], "it was there meanwhile"
        result = await shop.trust.trust("m", [os.fsdecode(shop.path(SHARDS[0]))], uid=0, reason="")
        assert result is not None and result.health_status is HealthStatus.HEALTHY


def test_accepting_that_a_needed_file_is_gone_lasts_too(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        for name in SHARDS:
            shop.put(name, SMALL)
        await shop.sweep()
        os.unlink(shop.path(SHARDS[2]))
        await shop.sweep()
        result = await shop.trust.trust("m", [os.fsdecode(shop.path(SHARDS[2]))], uid=0, reason="")
        assert result is not None and result.health_status is HealthStatus.HEALTHY

    play(tmp_path, scenario)


def test_a_folder_that_cannot_be_listed_finds_nothing_again(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        put_pipeline(shop)
        os.unlink(shop.path("wan/vae/config.json"))
        await shop.sweep()
        shutil.rmtree(shop.path("wan/vae"))
        shop.put("wan/vae", b"a file now")
        await shop.sweep(folder="wan/vae")
        assert await shop.codes("wan/vae/config.json") == ["file-missing"]

    play(tmp_path, scenario)


def test_the_other_expert_is_missed_by_the_one_that_is_there(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(HIGH, SMALL)
        await shop.sweep()
        assert await shop.model_ids() == [HIGH]
        assert (await layout(shop, HIGH), await status(shop, HIGH)) == (Layout.COMFYUI, HealthStatus.CORRUPTED)
        shop.put(LOW, SMALL)
        await shop.sweep()
        assert {name: await status(shop, name) for name in (HIGH, LOW)} == dict.fromkeys((HIGH, LOW), HealthStatus.HEALTHY)
        os.unlink(shop.path(LOW))
        await shop.sweep()
        assert await status(shop, HIGH) is HealthStatus.HEALTHY
        assert await status(shop, LOW) is HealthStatus.MISSING

    play(tmp_path, scenario)


def test_bringing_the_roster_up_to_date_misses_nothing_yet(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(SHARDS[0], SMALL)
        await shop.sweep(Order(Priority.REQUESTED, judges=False))
        assert await status(shop, "m") is HealthStatus.UNKNOWN

    play(tmp_path, scenario, lanes=False)


def test_a_stated_model_learns_its_layout_as_its_files_come(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("wan/vae/diffusion_pytorch_model.safetensors", SMALL)
        await shop.sweep()
        assert await layout(shop, "mine") is Layout.FOLDER
        put_pipeline(shop)
        await shop.sweep()
        assert await layout(shop, "mine") is Layout.DIFFUSERS
        assert await shop.model_ids() == ["mine"]

    play(tmp_path, scenario, stated=[("mine", "wan")])


@pytest.mark.parametrize("partial", [".cache/huggingface/download/vae/x=.0a1b.incomplete", "y.safetensors.part", "vae/y.aria2"])
def test_what_may_be_on_its_way_is_not_missed_yet(tmp_path: Path, partial: str) -> None:
    async def scenario(shop: Workshop) -> None:
        put_pipeline(shop)
        os.unlink(shop.path("wan/vae/config.json"))
        path = shop.put(f"wan/{partial}", b"x")
        os.utime(path, (shop.clock.now().timestamp() - 60,) * 2)
        await shop.sweep()
        assert await shop.state("wan/vae/config.json") is None
        shop.clock.advance(3600)
        await shop.sweep()
        assert await shop.codes("wan/vae/config.json") == ["file-missing"]
        os.utime(path, (shop.clock.now().timestamp() - 60,) * 2)
        await shop.sweep()
        assert await shop.codes("wan/vae/config.json") == ["file-missing"], "what was missed stays so until it is there"

    play(tmp_path, scenario)
