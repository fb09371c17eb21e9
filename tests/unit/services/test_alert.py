"""Telling people: each change once, over storms, restarts and a state that refuses."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path

from tests.fakes.alert_sink import FakeAlertSink
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, WEIGHTS, play
from wan_healthd.domain.alert_ledger import NewAlert
from wan_healthd.domain.alerts import CORRUPTION_FOUND, DAEMON_STARTED, EXPOSURE_MISSED, ROOT_LOST, WORKER_LOST, Alert
from wan_healthd.domain.catalogue import CHECKSUM_MISMATCH, PERMISSION_DENIED
from wan_healthd.domain.errors import AlertNotFound, InvalidRequest
from wan_healthd.domain.files import FileLook, Presence
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.paths import display
from wan_healthd.domain.settings import AlertSettings
from wan_healthd.services.alert import TEST_MARK, Alerter
from wan_healthd.services.ledger import Ledger, kinds_to_test
from wan_healthd.services.orders import Order
from wan_healthd.services.publish import Judgement
from wan_healthd.services.queue import Priority
from wan_healthd.services.worker_watch import WorkerWatch
from wan_healthd.store import alerts
from wan_healthd.store.connection import Connection

DAY_S = 86_400.0
REFUSAL = "CREATE TRIGGER refusal BEFORE UPDATE ON alert BEGIN SELECT RAISE(ABORT, 'as a full disk does'); END"


async def judge(shop: Workshop, *findings: Finding) -> None:
    state = await shop.state(FILE)
    assert state is not None
    await shop.publisher.judged(Judgement(state.record, FileLook(Presence.FILE), findings, None))


async def known(shop: Workshop) -> tuple[Finding, Finding]:
    """FILE is enrolled; damage and a lesser trouble that it may have."""
    shop.put(FILE, WEIGHTS)
    await shop.sweep(Order(Priority.DUE, judges=False))
    path = shop.path(FILE)
    damage = CHECKSUM_MISMATCH.at(path, authority="baseline", what="block 7", why="disk", cure="fetch it again")
    return damage, PERMISSION_DENIED.at(path, what="x", cure="y")


def test_a_month_of_one_damage(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        damage, _ = await known(shop)
        await judge(shop, damage)
        days = []
        for day in range(31 * 24):
            before = len(shop.sink.alerts)
            shop.clock.advance(3600)
            await judge(shop, damage)
            await shop.alerter.tell_due()
            if len(shop.sink.alerts) > before:
                days.append((day + 1) // 24)
        assert days == [1, 3, 7, 15, 31]
        assert {alert.finding.code for alert in shop.sink.alerts if alert.finding} == {damage.code}
        assert shop.sink.alerts[-1].message.startswith(f"{MODEL}: still so since 2026-01-01 00:00Z")
        await judge(shop)
        assert shop.sink.names[-1] == "finding-cleared"
        assert Counter(shop.sink.names) == {"corruption-found": 6, "finding-cleared": 1}

    play(tmp_path, scenario, lanes=False)


def test_lesser_trouble_is_folded_into_damage(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        damage, denied = await known(shop)
        await judge(shop, damage, denied)
        assert shop.sink.names == ["corruption-found"]
        await judge(shop, denied)
        await shop.alerter.tell_due()
        assert Counter(shop.sink.names[1:]) == {"finding-cleared": 1, "model-degraded": 1}

    play(tmp_path, scenario, lanes=False)


def test_nothing_below_a_lost_root_is_told(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        damage, _ = await known(shop)
        folder = display(shop.root)
        await shop.conditions.open(ROOT_LOST, folder, "cannot look at it", path=folder)
        await judge(shop, damage)
        await shop.conditions.open(EXPOSURE_MISSED, MODEL, "not read for long", model_id=MODEL)
        shop.clock.advance(60)
        await shop.alerter.tell_due()
        assert shop.sink.names == ["root-lost"]
        await shop.conditions.close(ROOT_LOST, folder, "it can be looked at again")
        assert Counter(shop.sink.names[1:]) == {"root-returned": 1, "corruption-found": 1, "exposure-missed": 1}

    play(tmp_path, scenario, lanes=False)


def test_conditions_are_news_once(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        conditions = shop.conditions
        assert await conditions.open(EXPOSURE_MISSED, "m", "not read for 8 days", model_id="nobody")
        assert not await conditions.open(EXPOSURE_MISSED, "m", "not read for 8 days", model_id="nobody")
        assert not await conditions.close(EXPOSURE_MISSED, "other", "x")
        (entry,) = await conditions.open_now(EXPOSURE_MISSED)
        assert (entry.message, entry.model_id) == ("not read for 8 days", "nobody")
        assert await conditions.close(EXPOSURE_MISSED, "m", "it was read")
        assert await conditions.open_now(EXPOSURE_MISSED) == ()
        assert await shop.told() == ["exposure-missed", "condition-cleared"]

    play(tmp_path, scenario, lanes=False)


def test_a_blip_is_silent_but_recorded(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        await shop.conditions.open(ROOT_LOST, "/r", "lost", path="/r")
        shop.clock.advance(1)
        await shop.conditions.close(ROOT_LOST, "/r", "back")
        shop.clock.advance(3600)
        await shop.alerter.tell_due()
        assert shop.sink.names == []
        assert await shop.told() == ["root-lost", "root-returned"]

    play(tmp_path, scenario, lanes=False)


def put_many(connection: Connection, shop: Workshop, numbers: range) -> None:
    for number in numbers:
        told = NewAlert(
            CORRUPTION_FOUND, f"k{number}", f"file {number} is damaged", "no longer", path=f"/r/{number}", is_finding=True
        )
        alerts.put(connection, told, shop.clock.now())


def test_a_storm_is_bounded(tmp_path: Path) -> None:
    """More at once than is looked at in one go: few records, and each alert is in one of them."""

    async def scenario(shop: Workshop) -> None:
        total, step = 6000, 1200
        alerter = Alerter([shop.sink], shop.database, shop.clock, shop.feed, AlertSettings(), most_due=5000)
        for part in range(0, total, step):
            await shop.database.write(lambda db, part=part: put_many(db, shop, range(part, part + step)))  # type: ignore[misc]
            await alerter.tell_due()
            shop.clock.advance(10)
        assert len(shop.sink.alerts) == 20
        for _ in range(10):
            shop.clock.advance(30)
            await alerter.tell_due()
        assert sum(alert.count for alert in shop.sink.alerts) == total
        assert len(shop.sink.alerts) < 30
        assert [alert.count for alert in shop.sink.alerts[:20]] == [1] * 20
        assert await shop.database.read(alerts.counts) == (total, 0)

    play(tmp_path, scenario, state=os.fsencode(tmp_path / "state.db"), lanes=False)


def test_after_a_restart_what_waited_is_told_and_what_was_told_is_not(tmp_path: Path) -> None:
    state = os.fsencode(tmp_path / "state.db")

    async def first(shop: Workshop) -> None:
        await shop.database.write(lambda db: put_many(db, shop, range(50)))
        await shop.alerter.tell_due()
        assert len(shop.sink.alerts) == 20

    async def second(shop: Workshop) -> None:
        await shop.alerter.tell_due()
        assert len(shop.sink.alerts) == 20, "of those that waited"
        shop.clock.advance(60)
        await shop.alerter.tell_due()
        assert sum(alert.count for alert in shop.sink.alerts) == 30

    play(tmp_path, first, state=state, lanes=False)
    play(tmp_path, second, state=state, lanes=False)


def test_a_state_that_refuses_makes_nobody_repeat_themselves(tmp_path: Path) -> None:
    """That an alert was told cannot be recorded: it is not told again, and recorded when that works again."""

    async def scenario(shop: Workshop) -> None:
        await shop.database.write(lambda db: put_many(db, shop, range(3)))
        await shop.database.write(lambda db: db.execute(REFUSAL) and None)
        await asyncio.gather(*(shop.alerter.tell_due() for _ in range(3)))
        assert len(shop.sink.alerts) == 3
        await shop.database.write(lambda db: db.execute("DROP TRIGGER refusal") and None)
        await shop.alerter.tell_due()
        await shop.alerter.tell_due()
        assert len(shop.sink.alerts) == 3
        assert all(entry.times_told == 1 for entry in await shop.database.read(lambda db: alerts.listed(db, 10)))

    play(tmp_path, scenario, lanes=False)


def test_who_knows_is_not_reminded(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        ledger = Ledger(shop.database, shop.clock, shop.feed)
        damage, _ = await known(shop)
        await judge(shop, damage)
        (row,) = await ledger.rows(10)
        assert (row.code, row.times_told, row.suggestion) == (damage.code, 1, "fetch it again")
        acked = await ledger.acknowledge(row.id, 1000)
        assert (acked.acked_by, acked.next_reminder_at) == (1000, None)
        assert (await ledger.acknowledge(row.id, 7)).acked_by == 1000, "twice is as good as once"
        shop.clock.advance(100 * DAY_S)
        await shop.alerter.tell_due()
        assert shop.sink.names == ["corruption-found"]
        await judge(shop)
        assert shop.sink.names == ["corruption-found", "finding-cleared"]
        for number in (row.id, 99):
            try:
                await ledger.acknowledge(number, 1000)
            except AlertNotFound as error:
                assert "cannot acknowledge alert" in error.message
            else:
                raise AssertionError("it is not open")
        assert (await shop.told()).count("alert-acknowledged") == 1

    play(tmp_path, scenario, lanes=False)


def test_a_worker_that_dies_again_and_again_is_one_alert(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        watch = WorkerWatch(shop.conditions, shop.alerter, shop.crew, quiet_s=0.2)
        for _ in range(3):
            watch.lost("ended by SIGKILL")
        while len(shop.sink.alerts) < 2:
            await asyncio.sleep(0.01)
        assert shop.sink.names == ["worker-lost", "condition-cleared"]
        assert await shop.told() == ["worker-lost"] * 3 + ["condition-cleared"]
        await shop.conditions.open(WORKER_LOST, "", "lost, and we died with it")
        await watch.begin()
        assert await shop.conditions.open_now(WORKER_LOST) == ()

    play(tmp_path, scenario, lanes=False)


def test_tests_say_that_they_are(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.alerter.test(kinds_to_test(None))
        assert [alert.kind.alert_class.value for alert in shop.sink.alerts] == ["critical", "warning", "maintenance", "info"]
        assert all(alert.is_test and alert.message.startswith(TEST_MARK) for alert in shop.sink.alerts)
        assert kinds_to_test("root-lost") == (ROOT_LOST,)
        try:
            kinds_to_test("no-such-kind")
        except InvalidRequest as error:
            assert "root-lost" in error.suggestion

    play(tmp_path, scenario, lanes=False)


def test_it_runs_by_itself(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        sink = FakeAlertSink()
        alerter = Alerter([sink], shop.database, shop.clock, shop.feed, AlertSettings(most_per_minute=2))
        running = shop.crew.start(alerter.run())
        await shop.database.write(lambda db: put_many(db, shop, range(5)))
        shop.feed.stirred()
        while len(sink.alerts) < 2:
            await asyncio.sleep(0.01)
        shop.clock.advance(60)
        while len(sink.alerts) < 3:
            await asyncio.sleep(0.01)
        assert sink.alerts[-1].count == 3
        alerter.tell(DAEMON_STARTED, "begun")
        assert sink.alerts[-1] == Alert(DAEMON_STARTED, "begun")
        running.cancel()

    play(tmp_path, scenario, lanes=False)
