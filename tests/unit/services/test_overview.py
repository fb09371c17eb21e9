"""Answers: what the store and the services know, in the shapes that clients get."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.fakes.cron import FakeCron
from tests.fakes.watcher import FakeWatcher
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, OTHER, WEIGHTS, play
from wan_healthd.domain.digests import Assurance
from wan_healthd.domain.errors import ModelNotFound
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.domain.watching import RootWatch, WatchMode
from wan_healthd.host.threads import ThreadPool
from wan_healthd.services.overview import Overview
from wan_healthd.services.patrol import Patrol
from wan_healthd.wire.requests import EventsQuery


async def forty_percent() -> float | None:
    return 40.0


def overview(shop: Workshop) -> Overview:
    return Overview(
        crew=shop.crew,
        database=shop.database,
        clock=shop.clock,
        queue=shop.queue,
        activity=shop.activity,
        conductor=shop.conductor,
        schedule=shop.schedule(FakeCron(shop.clock)),
        patrol=patrol(shop),
        pauses=shop.pauses,
        storage=shop.storage,
        feed=shop.feed,
        usage_percent=forty_percent,
    )


def patrol(shop: Workshop) -> Patrol:
    async def hear(report: RootWatch) -> None:
        raise AssertionError(f"nobody goes round, but {report} was told")

    watcher = FakeWatcher()
    watcher.gaps[shop.root] = (shop.path("gap"),)
    return Patrol(
        watcher=watcher,
        threads=ThreadPool(),
        modes={shop.root: WatchMode.AUTO},
        sweep=shop.conductor.ask_folder,
        report=hear,
        complain=lambda told, error: None,
    )


def test_how_far_the_watching_reaches(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        (row,) = (await overview(shop).status()).watching
        assert (row.root, row.mode, row.folders_not_watched) == (os.fsdecode(shop.root), WatchMode.AUTO, 1)
        assert (row.is_polled, row.folders_polled, row.reasons) == (False, 1, ("ENOSPC",))

    play(tmp_path, scenario)


def test_nothing_at_all(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        answer = await overview(shop).status()
        assert (answer.status, answer.overall_health_score, answer.models) == (HealthStatus.HEALTHY, 1.0, ())

    play(tmp_path, scenario)


def test_the_worst_model_sets_the_status(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        shop.put("good/w.safetensors", WEIGHTS)
        await shop.sweep()
        view = overview(shop)
        assert (await view.status()).status is HealthStatus.HEALTHY
        shop.put(FILE, OTHER)
        await shop.sweep()
        answer = await view.status()
        assert answer.status is HealthStatus.CORRUPTED
        assert [(row.id, row.status, row.issue_count) for row in answer.models] == [
            (MODEL, HealthStatus.CORRUPTED, 1),
            ("good", HealthStatus.HEALTHY, 0),
        ]
        assert answer.last_event == (await shop.events())[-1].seq
        report = await view.report()
        assert (report.models_healthy, report.models_corrupted, report.storage_usage_percent) == (1, 1, 40.0)
        assert report.recommendations[0].startswith("flux: ")
        os.rename(shop.root, shop.root + b"-away")
        await shop.sweep()
        (issue,) = (await view.status()).issues
        assert issue.code == "root-unreachable"
        await asyncio.to_thread(os.rename, shop.root + b"-away", shop.root)

    play(tmp_path, scenario)


def test_files(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        name = os.fsdecode(b"flux/\xff.json")
        shop.put(name, b'{"a": 1}')
        await shop.sweep()
        os.unlink(shop.path(name))
        await shop.sweep()
        sound, gone = (await overview(shop).files(MODEL)).files
        assert (sound.status, sound.verified_by, sound.assurance) == (
            HealthStatus.HEALTHY,
            VerifiedBy.BASELINE,
            Assurance.DISK,
        )
        assert (sound.size_bytes, sound.last_read_at, len(sound.sha256 or "")) == (len(WEIGHTS), shop.clock.now(), 64)
        assert sound.from_disk_bytes == len(WEIGHTS)
        assert gone.status is HealthStatus.MISSING
        assert gone.path_b64
        for verb in (overview(shop).files, overview(shop).result):
            with pytest.raises(ModelNotFound):
                await verb("nobody")

    play(tmp_path, scenario)


def test_a_file_that_waits_for_its_first_read_is_unknown(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.sweep_roster()
        (row,) = (await overview(shop).files(MODEL)).files
        assert (row.status, row.sha256, row.verified_by, row.assurance) == (HealthStatus.UNKNOWN, None, VerifiedBy.NONE, None)

    play(tmp_path, scenario)


def test_events_are_waited_for(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        view = overview(shop)
        nothing = await view.events(EventsQuery(since=0))
        assert (nothing.events, nothing.last_event) == ((), 0)
        waiting = asyncio.ensure_future(view.events(EventsQuery(since=0, wait_s=10)))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        found = await asyncio.wait_for(waiting, 5)
        assert found.events
        assert found.last_event == found.events[-1].seq
        later = await view.events(EventsQuery(since_time=shop.clock.now()))
        assert later.events[0].seq == 1

    play(tmp_path, scenario)
