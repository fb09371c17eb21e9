"""Timers under a clock that is set back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from tests.fakes.clock import FakeClock
from wan_healthd.host.cron import ApSchedulerCron

YEAR_S = 365 * 86400.0


def test_a_clock_that_is_set_back_does_not_put_timers_off() -> None:
    clock = FakeClock(datetime.now(UTC))
    cron = ApSchedulerCron(clock, look_again_after_s=0.02)
    far = datetime(2100, 1, 1, tzinfo=UTC)

    async def scenario() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        cron.start()
        cron.every("far", 3600, far, first.set)
        cron.every("sweep", 3600, clock.now(), lambda: second.set() if first.is_set() else first.set())
        await asyncio.wait_for(first.wait(), 5)
        clock.jump(-YEAR_S)
        await asyncio.wait_for(second.wait(), 5)
        assert cron.next_runs()["far"] == far
        cron.shutdown()

    asyncio.run(scenario())
