"""Checks that somebody asked for."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, OTHER, WEIGHTS, play
from wan_healthd.domain.errors import JobNotFound, ModelNotFound
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.services.jobs import KEPT
from wan_healthd.wire.answers import JobRow


async def ended(shop: Workshop, job: JobRow) -> JobRow:
    while (row := shop.jobs.get(job.id)).state == "running":
        await asyncio.sleep(0.005)
    return row


def test_a_check_has_progress_and_a_result(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.sweep()
        shop.clock.advance(9)
        seen: list[JobRow] = []
        shop.fake.during_read = lambda descriptor: seen.extend(shop.jobs.rows())
        job = await shop.jobs.start_check(MODEL, full=True)
        assert (job.state, job.kind, job.finished_at, job.result) == ("running", "full-check", None, None)
        assert job.total_bytes == len(WEIGHTS)
        done = await ended(shop, job)
        assert [row.state for row in seen] == ["running"]
        assert seen[0].done_bytes == 0
        assert (done.state, done.done_bytes, done.error) == ("done", len(WEIGHTS), None)
        assert done.finished_at == shop.clock.now()
        assert done.result is not None
        assert done.result.health_status is HealthStatus.HEALTHY
        assert shop.jobs.rows() == (done,)

    play(tmp_path, scenario)


def test_what_is_not_there(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        for verb in (shop.jobs.check, shop.jobs.start_check):
            with pytest.raises(ModelNotFound, match="no model has that id"):
                await verb("nobody", full=False)
        with pytest.raises(JobNotFound, match="cannot show job 7"):
            shop.jobs.get(7)
        assert shop.jobs.rows() == ()

    play(tmp_path, scenario)


def test_a_check_that_fails_says_why(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.sweep()
        job = await shop.jobs.start_check(MODEL, full=False)
        await asyncio.to_thread(shop.database.close)
        row = await ended(shop, job)
        assert row.state == "failed"
        assert row.error is not None
        assert row.error.code == "store-unusable"

    play(tmp_path, scenario, complaints=None)


def test_a_check_that_is_interrupted_is_cancelled(tmp_path: Path) -> None:
    shops: list[Workshop] = []

    async def scenario(shop: Workshop) -> None:
        shops.append(shop)
        shop.put(FILE, WEIGHTS)
        stuck = shop.engine.stuck = asyncio.Event()
        await shop.sweep_roster()
        await shop.jobs.start_check(MODEL, full=False)
        await stuck.wait()

    play(tmp_path, scenario)
    (row,) = shops[0].jobs.rows()
    assert (row.state, row.result) == ("cancelled", None)


def test_old_jobs_are_forgotten_but_none_that_runs(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, sample(1, 4000, 2))
        shop.put("slow/w.safetensors", WEIGHTS)
        await shop.sweep()
        stuck = shop.engine.stuck = asyncio.Event()
        shop.clock.advance(1)
        slow = await shop.jobs.start_check("slow", full=True)
        await stuck.wait()
        shop.engine.stuck = None
        for _ in range(KEPT + 5):
            await ended(shop, await shop.jobs.start_check(MODEL, full=False))
        numbers = [row.id for row in shop.jobs.rows()]
        assert numbers == [slow.id, *range(slow.id + 6, slow.id + 6 + KEPT)]
        assert shop.jobs.get(slow.id).state == "running"

    play(tmp_path, scenario)


def test_a_check_sees_the_change_that_no_hint_told(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        shop.put("w.safetensors", WEIGHTS)
        await shop.sweep()
        shop.put(FILE, OTHER)
        shop.put("w.safetensors", OTHER)
        for model_id in (MODEL, "w.safetensors"):
            result = await shop.jobs.check(model_id, full=False)
            assert result.health_status is HealthStatus.CORRUPTED
            assert result.last_checked == shop.clock.now()

    play(tmp_path, scenario)


def test_callbacks_hear_of_a_model_that_has_no_file(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        heard: list[HealthStatus] = []
        shop.feed.add_health(lambda result: heard.append(result.health_status), asyncio.get_running_loop())
        shop.crew.start(shop.feed.run())
        await shop.sweep()
        assert (await shop.jobs.check("mine", full=False)).health_status is HealthStatus.MISSING
        assert heard == [HealthStatus.MISSING]
        shop.put("flux/w.safetensors", WEIGHTS)
        await shop.jobs.check("mine", full=False)
        assert heard == [HealthStatus.MISSING, HealthStatus.HEALTHY]
        assert os.path.exists(shop.path("flux"))

    play(tmp_path, scenario, stated=[("mine", "flux")])
