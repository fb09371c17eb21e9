"""Conducting sweeps, and when they are due."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.fakes.cron import FakeCron
from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, play
from wan_healthd.services.conduct import FULL, INCREMENTAL, MOST_FOLDERS
from wan_healthd.services.exposure import EXPOSURE
from wan_healthd.services.schedule import first_run
from wan_healthd.services.storage import STORAGE
from wan_healthd.store import timers
from wan_healthd.store.connection import Connection

SMALL = sample(3, 4000, 2)
DAY_S = 86_400.0


async def finished(shop: Workshop) -> list[str]:
    return [event.message.split(" finished")[0] for event in await shop.events() if event.kind == "sweep-finished"]


async def until_finished(shop: Workshop, count: int) -> None:
    while len(await finished(shop)) < count:
        await asyncio.sleep(0.01)


def test_asking_twice_for_what_waits_asks_once(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        for _ in range(3):
            shop.conductor.ask(INCREMENTAL)
            shop.conductor.ask(FULL)
        shop.crew.start(shop.conductor.run())
        await until_finished(shop, 2)
        await asyncio.sleep(0.05)
        assert await finished(shop) == ["incremental sweep", "full sweep"]
        shop.conductor.ask(INCREMENTAL)
        await until_finished(shop, 3)
        assert shop.sink.names.count("sweep-finished") == 1, "an incremental sweep that finds nothing is no news"
        await shop.conductor.sweep_now(INCREMENTAL)
        assert shop.sink.names.count("sweep-finished") == 2, "who asked for it wants to know"

    play(tmp_path, scenario)


def test_asking_while_it_runs_asks_again(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, SMALL)
        stuck = shop.engine.stuck = asyncio.Event()
        shop.crew.start(shop.conductor.run())
        shop.conductor.ask(INCREMENTAL)
        await stuck.wait()
        shop.conductor.ask(INCREMENTAL)
        await asyncio.sleep(0.1)
        assert await finished(shop) == [], "the last run is recorded only when all is judged"
        assert await shop.database.read(timers.last_runs) == {}

    play(tmp_path, scenario)


def test_the_last_run_is_when_the_sweep_began(tmp_path: Path) -> None:
    """What changes while it runs is left to the next one."""

    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, SMALL)
        began = shop.clock.now()
        shop.fake.during_read = lambda descriptor: shop.clock.advance(500)
        shop.crew.start(shop.conductor.run())
        shop.conductor.ask(FULL)
        await until_finished(shop, 1)
        assert await shop.database.read(timers.last_runs) == {FULL: began}
        (event,) = [event for event in await shop.events() if event.kind == "sweep-finished"]
        assert "1 files judged in 500.0 s" in event.message

    play(tmp_path, scenario)


def break_store(connection: Connection) -> None:
    connection.execute("CREATE TEMP TRIGGER broken BEFORE INSERT ON path BEGIN SELECT RAISE(FAIL, 'disk full'); END")


def test_a_failing_sweep_does_not_stop_the_next(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, SMALL)
        await shop.database.write(break_store)
        shop.crew.start(shop.conductor.run())
        shop.conductor.ask(INCREMENTAL)
        while not shop.complaints:
            await asyncio.sleep(0.01)
        await shop.database.write(lambda db: db.execute("DROP TRIGGER broken").rowcount)
        shop.conductor.ask(INCREMENTAL)
        await until_finished(shop, 1)
        assert await shop.codes(FILE) == []

    play(tmp_path, scenario, complaints=1)


def test_a_store_that_refuses_the_last_word_does_not_end_the_house(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        await shop.database.write(
            lambda db: (
                db.execute(
                    "CREATE TEMP TRIGGER broken BEFORE INSERT ON timer BEGIN SELECT RAISE(FAIL, 'disk full'); END"
                ).rowcount
            )
        )
        shop.crew.start(shop.conductor.run())
        shop.conductor.ask(INCREMENTAL)
        while not shop.complaints:
            await asyncio.sleep(0.01)
        assert await finished(shop) == []
        await shop.database.write(lambda db: db.execute("DROP TRIGGER broken").rowcount)
        shop.conductor.ask(INCREMENTAL)
        await until_finished(shop, 1)

    play(tmp_path, scenario, complaints=1)


def test_folders_below_one_that_waits_are_not_asked_for(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        os.makedirs(shop.path("a/b/c"))
        for name in ("a/b", "a/b/c", "a/b"):
            shop.conductor.ask_folder(shop.root, shop.path(name))
        assert shop.conductor.waiting == 1
        shop.conductor.ask_folder(shop.root, shop.path("a"))
        assert shop.conductor.waiting == 2, "one above is more than what waits"
        for number in range(2 * MOST_FOLDERS):
            shop.conductor.ask_folder(shop.root, shop.path(f"{number}"))
        assert shop.conductor.waiting <= MOST_FOLDERS + 1

    play(tmp_path, scenario, lanes=False)


def test_a_sweep_of_what_is_told_anew_is_more_than_one_of_what_changed(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        os.makedirs(shop.path("a/b"))
        shop.conductor.ask_folder(shop.root, shop.path("a"))
        shop.conductor.ask_folder(shop.root, shop.path("a/b"), is_retold=True)
        assert shop.conductor.waiting == 2
        shop.conductor.ask_folder(shop.root, shop.path("a"), is_retold=True)
        assert shop.conductor.waiting == 3
        for name in ("a", "a/b"):
            for is_retold in (False, True):
                shop.conductor.ask_folder(shop.root, shop.path(name), is_retold=is_retold)
        assert shop.conductor.waiting == 3

    play(tmp_path, scenario, lanes=False)


def test_old_contents_go_with_the_sweep(tmp_path: Path) -> None:
    """A file that is rewritten every day must not leave a block map behind each time."""

    async def scenario(shop: Workshop) -> None:
        shop.crew.start(shop.conductor.run())
        for number in range(4):
            shop.put(FILE, sample(number, 4000, 2))
            await shop.judge(FILE)
        shop.conductor.ask(INCREMENTAL)
        await until_finished(shop, 1)
        kept = await shop.database.read(lambda db: db.execute("SELECT count(*) FROM content").fetchone()[0])
        assert kept == 2, "the present one and the baseline"

    play(tmp_path, scenario)


MOMENTS = st.integers(-400 * 86_400, 400 * 86_400).map(lambda seconds: FakeClock().now() + timedelta(seconds=seconds))


@given(st.one_of(st.none(), MOMENTS), st.floats(1, 400 * DAY_S), MOMENTS)
def test_first_run_is_neither_past_nor_put_off(last: object, interval_s: float, now: object) -> None:
    due = first_run(last, interval_s, now)  # type: ignore[arg-type]
    assert now <= due <= now + timedelta(seconds=interval_s)  # type: ignore[operator]
    if last is not None and last <= now < due:  # type: ignore[operator]
        assert due == last + timedelta(seconds=interval_s)  # type: ignore[operator]


class Timetable:
    """A schedule on a fake clock; what it starts is asked of a conductor that does nothing."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        self.cron = FakeCron(shop.clock)
        self.schedule = shop.schedule(self.cron)

    def tick(self, seconds: float = 0) -> list[str]:
        """The sweeps that are asked for after `seconds` more."""
        self.shop.clock.advance(seconds)
        before = set(self.shop.conductor._asked)
        self.cron.tick()
        return sorted(str(request) for request in self.shop.conductor._asked - before)


def test_the_schedule(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        table = Timetable(shop)
        assert table.schedule.next_runs() == {}
        await table.schedule.start()
        await table.schedule.start()
        assert table.tick() == [INCREMENTAL], "nobody watched until now"
        shop.conductor._asked.clear()
        assert table.tick(DAY_S) == [INCREMENTAL]
        shop.conductor._asked.clear()
        assert table.tick(6 * DAY_S) == [FULL, INCREMENTAL]
        table.schedule.stop()
        table.schedule.stop()
        assert table.schedule.next_runs() == {}
        shop.conductor._asked.clear()
        assert table.tick(30 * DAY_S) == []
        await table.schedule.start()
        shop.conductor._asked.clear()
        assert table.tick() == [FULL, INCREMENTAL], "it was due while nobody ran"

    play(tmp_path, scenario, lanes=False)


def test_a_machine_that_is_switched_off_every_night_has_its_full_sweep(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        days = []
        for day in range(10):
            table = Timetable(shop)
            await table.schedule.start()
            shop.conductor._asked.clear()
            if FULL in table.tick(DAY_S / 2):
                days.append(day)
                await shop.database.write(lambda db: timers.ran(db, FULL, shop.clock.now()))
            table.schedule.stop()
            shop.clock.advance(DAY_S / 2)
        assert days == [7]

    play(tmp_path, scenario, lanes=False)


def test_a_schedule_whose_start_failed_can_be_started(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        await shop.database.write(lambda db: db.execute("ALTER TABLE timer RENAME TO away").rowcount)
        schedule = shop.schedule(FakeCron(shop.clock))
        for _ in range(2):
            try:
                await schedule.start()
            except Exception as error:
                assert "no such table" in str(error)
            else:
                raise AssertionError("the second start must try again")
        await shop.database.write(lambda db: db.execute("ALTER TABLE away RENAME TO timer").rowcount)
        await schedule.start()
        assert set(schedule.next_runs()) == {FULL, INCREMENTAL, STORAGE, EXPOSURE}
        schedule.stop()

    play(tmp_path, scenario, lanes=False)


def test_a_stated_model_that_is_absent_raises_the_alarm_once_and_clears_it(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.crew.start(shop.conductor.run())
        for count in (1, 2):
            shop.conductor.ask(INCREMENTAL)
            await until_finished(shop, count)
        assert shop.sink.names.count("corruption-found") == 1
        (alarm,) = [alert for alert in shop.sink.alerts if alert.kind.name == "corruption-found"]
        assert (alarm.model_id, alarm.finding is not None and alarm.finding.code) == ("wanted", "model-missing")
        shop.put("wanted/a.safetensors", SMALL)
        for count in (3, 4):
            shop.conductor.ask(INCREMENTAL)
            await until_finished(shop, count)
        assert shop.sink.names.count("finding-cleared") == 1

    play(tmp_path, scenario, stated=[("wanted", "wanted")])
