"""Thousands of models damaged at once, as when a disk dies: few records, all events, and no more memory than for one.

WAN_STORM_MODELS makes it a greater storm.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import psutil
import pytest

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop, workshop
from wan_healthd.domain.events import EventKind
from wan_healthd.store import alerts
from wan_healthd.store.connection import Connection

MODELS = int(os.environ.get("WAN_STORM_MODELS", "60"))
PER_MINUTE = 20
"""As the configuration has it by default."""
MOST_GROWTH_BYTES = 32 << 20

pytestmark = pytest.mark.timeout(60 + MODELS / 20)


def resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def events_by_kind(connection: Connection) -> dict[str, int]:
    query = "SELECT json_extract(body, '$.kind'), count(*) FROM event GROUP BY 1"
    return dict(connection.execute(query))


async def told(shop: Workshop) -> list[int]:
    """Of how many models each record since the last call is; a minute passes."""
    shop.clock.advance(61)
    await shop.alerter.tell_due()
    counts = [alert.count for alert in shop.sink.alerts]
    shop.sink.alerts.clear()
    return counts


async def weather_the_storm(folder: Path) -> None:
    async with workshop(folder, state=os.fsencode(folder / "state.db")) as shop:
        content = sample(1, 4000, 2)
        for number in range(MODELS):
            shop.put(f"{number:05}.safetensors", content)
        await shop.sweep()
        assert shop.sink.alerts == []
        before = resident_bytes()
        shop.engine.misread[0] = 1 << 30
        await shop.full_sweep()
        assert await told(shop) == [1] * PER_MINUTE + [MODELS - PER_MINUTE]
        assert await told(shop) == []
        assert resident_bytes() - before < MOST_GROWTH_BYTES
        kinds = await shop.database.read(events_by_kind)
        assert kinds[EventKind.FINDING_OPENED] == MODELS
        assert await shop.database.read(alerts.counts) == (MODELS, 0)
        shop.engine.misread.clear()
        await shop.full_sweep()
        cleared = await told(shop)
        assert sum(cleared) == MODELS
        assert len(cleared) == PER_MINUTE + 1
        assert await shop.database.read(alerts.counts) == (0, 0)
        assert (await shop.database.read(events_by_kind))[EventKind.FINDING_CLEARED] == MODELS


def test_a_storm_of_findings(tmp_path: Path) -> None:
    asyncio.run(weather_the_storm(tmp_path))
