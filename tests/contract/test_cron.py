"""What every Cron keeps to, with real waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.cron import TickingCron
from wan_healthd.domain.ports import Cron
from wan_healthd.host.clock import SystemClock
from wan_healthd.host.cron import ApSchedulerCron

CRONS: list[Callable[[], Cron]] = [lambda: ApSchedulerCron(SystemClock()), lambda: TickingCron(SystemClock())]
LIMIT_S = 5.0


@pytest.fixture(params=CRONS, ids=["apscheduler", "fake"])
def cron(request: pytest.FixtureRequest) -> Cron:
    made: Cron = request.param()
    return made


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=0.02)


def test_a_timer_fires_again_and_again_in_the_loops_thread(cron: Cron) -> None:
    calls: list[tuple[str, bool]] = []

    async def scenario() -> None:
        done = asyncio.Event()

        def action() -> None:
            calls.append((threading.current_thread().name, asyncio.get_running_loop().is_running()))
            if len(calls) == 3:
                done.set()

        cron.start()
        cron.every("sweep", 0.02, soon(), action)
        await asyncio.wait_for(done.wait(), LIMIT_S)
        cron.shutdown()

    asyncio.run(scenario())
    assert calls == [(threading.current_thread().name, True)] * 3


def test_a_time_that_is_past_fires_once_at_once(cron: Cron) -> None:
    calls: list[datetime] = []

    async def scenario() -> None:
        cron.start()
        cron.every("sweep", 60, datetime(1970, 1, 1, tzinfo=UTC), lambda: calls.append(datetime.now(UTC)))
        await asyncio.sleep(0.1)
        left = cron.next_runs()["sweep"] - calls[0]
        assert timedelta(seconds=58) < left <= timedelta(seconds=61)
        cron.shutdown()

    asyncio.run(scenario())
    assert len(calls) == 1


def test_timers_may_be_set_before_the_start(cron: Cron) -> None:
    first_at = datetime(2100, 1, 1, tzinfo=UTC)

    async def scenario() -> None:
        done = asyncio.Event()
        cron.every("late", 60, first_at, lambda: None)
        cron.every("sweep", 60, soon(), done.set)
        assert cron.next_runs()["late"] == first_at
        cron.start()
        await asyncio.wait_for(done.wait(), LIMIT_S)
        assert cron.next_runs()["late"] == first_at
        cron.shutdown()

    asyncio.run(scenario())


def test_a_timer_of_the_same_name_is_replaced(cron: Cron) -> None:
    calls: list[str] = []

    async def scenario() -> None:
        cron.start()
        cron.every("sweep", 60, soon(), lambda: calls.append("old"))
        cron.every("sweep", 60, soon(), lambda: calls.append("new"))
        await asyncio.sleep(0.15)
        assert list(cron.next_runs()) == ["sweep"]
        cron.shutdown()

    asyncio.run(scenario())
    assert calls == ["new"]


def test_an_action_may_set_its_own_timer_anew(cron: Cron) -> None:
    async def scenario() -> datetime:
        done = asyncio.Event()
        again = datetime(2100, 1, 1, tzinfo=UTC)

        def action() -> None:
            cron.every("sweep", 60, again, done.set)
            done.set()

        cron.start()
        cron.every("sweep", 60, soon(), action)
        await asyncio.wait_for(done.wait(), LIMIT_S)
        await asyncio.sleep(0.02)
        next_run = cron.next_runs()["sweep"]
        cron.shutdown()
        return next_run

    assert asyncio.run(scenario()) == datetime(2100, 1, 1, tzinfo=UTC)


def test_a_busy_loop_delays_a_timer_but_does_not_lose_it(cron: Cron) -> None:
    calls: list[int] = []

    async def scenario() -> None:
        cron.start()
        cron.every("sweep", 60, soon(), lambda: calls.append(1))
        threading.Event().wait(1.2)  # longer than APScheduler's grace of a second
        await asyncio.sleep(0.1)
        cron.shutdown()

    asyncio.run(scenario())
    assert calls == [1]


def test_nothing_is_called_after_the_shutdown(cron: Cron) -> None:
    calls: list[int] = []

    async def scenario() -> None:
        cron.start()
        cron.every("sweep", 0.01, soon(), lambda: calls.append(1))
        await asyncio.sleep(0.1)
        cron.shutdown()
        seen = len(calls)
        assert cron.next_runs() == {}
        await asyncio.sleep(0.05)
        assert len(calls) == seen > 0
        cron.shutdown()

    asyncio.run(scenario())


def test_a_shutdown_without_a_start_or_after_the_loop(cron: Cron) -> None:
    cron.shutdown()

    async def scenario() -> None:
        cron.start()

    asyncio.run(scenario())
    cron.shutdown()


def test_a_loop_in_a_background_thread(cron: Cron) -> None:
    fired = threading.Event()

    async def scenario() -> None:
        cron.start()
        cron.every("sweep", 60, soon(), fired.set)
        await asyncio.to_thread(fired.wait, LIMIT_S)
        cron.shutdown()

    thread = threading.Thread(target=lambda: asyncio.run(scenario()))
    thread.start()
    thread.join(2 * LIMIT_S)
    assert fired.is_set()
