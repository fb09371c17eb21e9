"""Conditions of time and space: bytes that nobody verified for long, and file systems that fill up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, play
from wan_healthd.domain.storage import DiskUsage, StorageLevel, level_of
from wan_healthd.services.exposure import ExposureWatch

DAY_S = 86_400.0


def kinds(told: list[str], *prefixes: str) -> list[str]:
    return [kind for kind in told if kind.startswith(prefixes)]


def test_a_goal_that_is_missed_is_told_once_and_taken_back(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        watch = ExposureWatch(shop.database, shop.clock, shop.conditions, timedelta(days=14))
        shop.put(FILE, sample(1, 4000, 2))
        await shop.judge(FILE)
        for _ in range(13):
            shop.clock.advance(DAY_S)
            await watch.look()
        assert kinds(await shop.told(), "exposure") == []
        for _ in range(5):
            shop.clock.advance(DAY_S)
            await watch.look()
        assert kinds(await shop.told(MODEL), "exposure") == ["exposure-missed"]
        (alert,) = [alert for alert in shop.sink.alerts if alert.kind.name == "exposure-missed"]
        assert "the goal is every 14 days" in alert.message
        await shop.full_sweep()
        await watch.look()
        assert kinds(await shop.told(MODEL), "exposure", "condition") == ["exposure-missed", "condition-cleared"]

    play(tmp_path, scenario)


def test_bytes_that_are_known_as_damaged_are_no_news_twice(tmp_path: Path) -> None:
    """No sweep can verify them, however often it reads them: people know why."""

    async def scenario(shop: Workshop) -> None:
        watch = ExposureWatch(shop.database, shop.clock, shop.conditions, timedelta(days=14))
        shop.put(FILE, sample(1, 4000, 2))
        await shop.judge(FILE)
        shop.engine.misread[0] = 1 << 30
        for _ in range(20):
            shop.clock.advance(DAY_S)
            await shop.full_sweep()
            await watch.look()
        assert kinds(await shop.told(), "exposure") == []
        assert shop.sink.names[0] == "corruption-found"

    play(tmp_path, scenario)


def test_a_clock_that_jumps_back_misses_nothing(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        watch = ExposureWatch(shop.database, shop.clock, shop.conditions, timedelta(days=14))
        shop.put(FILE, sample(1, 4000, 2))
        await shop.judge(FILE)
        shop.clock.advance(-400 * DAY_S)
        await watch.look()
        assert kinds(await shop.told(), "exposure") == []

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("fraction", "before", "after"),
    [
        (0.799, StorageLevel.FINE, StorageLevel.FINE),
        (0.8, StorageLevel.FINE, StorageLevel.LOW),
        (0.795, StorageLevel.LOW, StorageLevel.LOW),
        (0.78, StorageLevel.LOW, StorageLevel.FINE),
        (0.95, StorageLevel.FINE, StorageLevel.CRITICAL),
        (0.945, StorageLevel.CRITICAL, StorageLevel.CRITICAL),
        (0.945, StorageLevel.LOW, StorageLevel.LOW),
        (0.93, StorageLevel.CRITICAL, StorageLevel.LOW),
        (0.1, StorageLevel.CRITICAL, StorageLevel.FINE),
    ],
)
def test_levels(fraction: float, before: StorageLevel, after: StorageLevel) -> None:
    assert level_of(fraction, warning=0.8, critical=0.95, before=before) is after


def test_a_disk_that_fills_up_is_told_at_each_level(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        for used in (40, 81, 82, 96, 97, 94, 50):
            shop.usage = DiskUsage(1, used, 100 - used)
            shop.clock.advance(3600)
            await shop.storage.look()
        told = kinds(await shop.told(), "storage", "condition")
        assert told == ["storage-low", "storage-critical", "condition-cleared", "condition-cleared"]
        assert not shop.storage.findings
        shop.usage = DiskUsage(1, 99, 1)
        await shop.storage.look()
        (finding,) = shop.storage.findings
        assert finding.is_advice
        assert "99.0 % full: 1 B are left" in finding.message

    play(tmp_path, scenario)
