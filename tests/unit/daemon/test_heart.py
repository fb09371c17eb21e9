"""The heart of a whole house: it beats while the loops get on, and stops when one hangs, which is said."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.fakes.alert_sink import FakeAlertSink
from tests.fakes.notifier import FakeNotifier
from wan_healthd.assembly import House
from wan_healthd.blueprint import Blueprint
from wan_healthd.daemon.heart import BrokenInvariant, beat, summary
from wan_healthd.daemon.run import ended_by
from wan_healthd.domain.errors import ConfigInvalid
from wan_healthd.domain.settings import Settings
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.host.notify import safe_status
from wan_healthd.opening import open_house
from wan_healthd.wire.answers import ActivityRow, StatusAnswer, SweepRow, TimerRow

PATIENCE_S = 20.0
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
IDLE = StatusAnswer(
    schema=1,
    version="0",
    started_at=NOW,
    now=NOW,
    status=HealthStatus.HEALTHY,
    overall_health_score=1.0,
    models=(),
    unclaimed_count=0,
    issues=(),
    activity=ActivityRow(0, (), 0),
    timers=(TimerRow("full-sweep", NOW, None),),
    last_event=0,
)


@asynccontextmanager
async def house_of(folder: Path, sink: FakeAlertSink) -> AsyncIterator[House]:
    def complain(what: str, error: BaseException | None) -> None:
        raise AssertionError(what) from error

    state = str(folder / "state.db").encode()
    async with open_house(Blueprint(Settings(), state, (sink,), complain, hang_s=0.5)) as house:
        yield house


async def until(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not found():
            await asyncio.sleep(0.01)


def test_it_stops_while_the_writer_hangs_and_says_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        notifier, sink, gate = FakeNotifier(0.1), FakeAlertSink(), threading.Event()

        def stuck() -> bool:
            return any("the state's writer has not got on for" in call for call in notifier.calls)

        async with house_of(tmp_path, sink) as house:
            heart = house.crew.start(beat(house, notifier))
            await until(lambda: notifier.calls.count("watchdog") > 2)
            hanging = asyncio.create_task(house.database.write(lambda _connection: gate.wait(2 * PATIENCE_S)))
            try:
                await until(stuck)
                notifier.calls.clear()
                await until(lambda: len(notifier.calls) > 3)
                assert "watchdog" not in notifier.calls
            finally:
                gate.set()
            await hanging
            await until(lambda: "watchdog" in notifier.calls)
            heart.cancel()
        told = [alert.kind.name for alert in sink.alerts]
        assert told[0] == "daemon-stuck"
        assert "condition-cleared" in told

    asyncio.run(scenario())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_is_dead_ends_the_daemon_at_once(tmp_path: Path) -> None:
    notifier = FakeNotifier(0.1)

    async def scenario() -> None:
        async with house_of(tmp_path, FakeAlertSink()) as house:
            house.crew.start(beat(house, notifier))
            await until(lambda: "watchdog" in notifier.calls)
            database = house.database
            closing.callback(database._writer.close)  # what the thread would do
            closing.callback(os.close, database._lock or -1)
            database._writes.put(object())  # type: ignore[arg-type] # nothing that a thread can do anything with
            await asyncio.sleep(PATIENCE_S)

    with ExitStack() as closing, pytest.raises(ExceptionGroup) as raised:
        asyncio.run(scenario())
    assert raised.group_contains(BrokenInvariant, match="the state's writer: one of its threads ended by itself", depth=1)
    assert ended_by(raised.value, notifier) == 6
    assert notifier.calls[-1] == "trigger"


def test_what_people_can_mend_is_told_to_them_and_not_to_the_watchdog() -> None:
    notifier = FakeNotifier()
    with pytest.raises(ConfigInvalid):
        ended_by(ExceptionGroup("crew", [ConfigInvalid("cannot listen")]), notifier)
    assert notifier.calls == []


def test_a_summary_tells_how_far_a_sweep_is_and_what_comes_next() -> None:
    reading = ActivityRow(11, ("/models/wan/high.safetensors", "/models/vae.pth"), 5)
    status = replace(IDLE, activity=reading, sweeps=(SweepRow("full-sweep", NOW, 45, 12),))
    assert summary(status).endswith(
        "; full sweep 73 %, 12 of 45 files left; reading high.safetensors and 1 more; next full sweep 2026-11-22 03:00 UTC"
    )
    assert "full sweep begins" in summary(replace(IDLE, sweeps=(SweepRow("full-sweep", NOW, 0, 0),)))


def test_a_long_name_leaves_room_for_the_rest() -> None:
    status = replace(IDLE, activity=ActivityRow(1, ("/models/" + "模" * 255,), 0))
    assert safe_status(summary(status)).endswith("next full sweep 2026-11-22 03:00 UTC")
