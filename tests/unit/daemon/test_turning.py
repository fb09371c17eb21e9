"""Patience is asked for while a turn lasts, within its bound, and never afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.fakes.notifier import FakeNotifier
from wan_healthd.daemon.turning import Turning

PATIENCE_S = 20.0


async def until(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not found():
            await asyncio.sleep(0.005)


def test_a_long_start_asks_again_and_again_until_it_is_over() -> None:
    async def scenario() -> None:
        notifier = FakeNotifier()
        turning = Turning(notifier, step_s=0.01)
        task = asyncio.create_task(turning.run())
        turning.begin("opening the state", 3600)
        await until(lambda: notifier.calls.count("extend: 30") >= 3)
        assert notifier.calls[:3] == ["status: opening the state", "extend: 30", "watchdog"]
        turning.end()
        await asyncio.sleep(0.02)
        before = len(notifier.calls)
        await asyncio.sleep(0.05)
        assert len(notifier.calls) == before
        task.cancel()

    asyncio.run(scenario())


def test_a_turn_that_takes_too_long_asks_no_more() -> None:
    async def scenario() -> None:
        notifier = FakeNotifier()
        turning = Turning(notifier, step_s=0.01)
        task = asyncio.create_task(turning.run())
        turning.begin("stopping", 0.0)
        await asyncio.sleep(0.1)
        assert notifier.calls == ["status: stopping"]
        turning.begin("stopping", 60.0)
        await until(lambda: "extend: 30" in notifier.calls)
        task.cancel()

    asyncio.run(scenario())
