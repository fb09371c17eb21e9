"""A daemon that has nothing to do hardly ever wakes up, and yet misses nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

from msgspec.structs import replace

from tests.fakes.alert_sink import FakeAlertSink
from tests.fakes.watcher import FakeWatcher
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import play
from tests.unit.services.test_overview import overview
from wan_healthd.checks.verdict import corruption_report
from wan_healthd.domain.alert_ledger import NewAlert
from wan_healthd.domain.alerts import ROOT_LOST
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.settings import AlertSettings
from wan_healthd.domain.watching import RootWatch, WatchMode
from wan_healthd.host.threads import ThreadPool
from wan_healthd.services.alert import Alerter
from wan_healthd.services.feed import Feed
from wan_healthd.services.patrol import Pace, Patrol
from wan_healthd.store import alerts, events, telling
from wan_healthd.store.connection import Connection
from wan_healthd.wire.requests import EventsQuery

LOST = NewAlert(ROOT_LOST, "root:/r", "the root is lost", closing="it is back")


class CountingWatcher(FakeWatcher):
    """Counts the looks at the mount table."""

    looks = 0

    def look_at_mounts(self) -> bool:
        self.looks += 1
        return super().look_at_mounts()


class CountingFeed(Feed):
    """Remembers for how long it was listened to."""

    def __init__(self, shop: Workshop) -> None:
        super().__init__(shop.clock, shop.threads, corruption_report, lambda who, error: None)
        self.waits: list[float] = []

    async def next_news(self, timeout_s: float, *, since: int | None = None) -> None:
        self.waits.append(timeout_s)
        await super().next_news(timeout_s, since=since)


async def _note(report: RootWatch) -> None:
    """Nobody wants to know."""


def test_roots_are_looked_at_less_often_than_the_mount_table() -> None:
    async def scenario(threads: ThreadPool) -> None:
        watcher = CountingWatcher()
        patrol = Patrol(
            watcher=watcher,
            threads=threads,
            modes={b"/r": WatchMode.AUTO},
            sweep=lambda root, folder: None,
            report=_note,
            complain=lambda told, error: None,
            pace=Pace(patrol=0.001, round=3600.0, retry_first=0.001, retry_most=0.001),
            luck=lambda: 1.0,
        )
        going = asyncio.create_task(patrol.run())
        await _until(lambda: watcher.looks >= 10)
        assert watcher.patrols == 1, "the first round only"
        watcher.mounted = True
        await _until(lambda: watcher.patrols == 2)
        watcher.unwatchable.add(b"/r")
        patrol.has_failed(b"/r")
        await _until(lambda: watcher.patrols >= 5)  # what has to be tried again does not wait for the next round
        watcher.unwatchable.clear()
        await _until(lambda: not patrol.lost)
        going.cancel()
        await asyncio.wait([going])

    threads = ThreadPool()
    try:
        asyncio.run(asyncio.wait_for(scenario(threads), 20))
    finally:
        threads.close()


async def _until(holds: object) -> None:
    assert callable(holds)
    while not holds():
        await asyncio.sleep(0.001)


def test_people_are_told_at_once_of_what_is_committed_while_they_are_told(tmp_path: Path) -> None:
    """Whatever is written wakes the alerter up, also while it looks."""

    async def scenario(shop: Workshop) -> None:
        shop.database.on_change = shop.feed.stirred
        sink = FakeAlertSink()
        running = shop.crew.start(Alerter([sink], shop.database, shop.clock, shop.feed, AlertSettings()).run())
        for number in range(20):
            alert = replace(LOST, key=f"root:/{number}", kind=replace(ROOT_LOST, shows_after_s=0.0))
            await shop.database.write(lambda db, alert=alert: alerts.put(db, alert, shop.clock.now()))  # type: ignore[misc]
            await _until(lambda number=number: len(sink.alerts) > number)
        running.cancel()

    play(tmp_path, scenario, lanes=False)


def test_who_waits_for_events_sleeps_until_there_is_one(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.feed = feed = CountingFeed(shop)
        shop.database.on_change = feed.stirred
        waiting = asyncio.ensure_future(overview(shop).events(EventsQuery(since=0, wait_s=60)))
        await _until(lambda: feed.waits)
        event = NewEvent(shop.clock.now(), EventKind.DAEMON_STARTED, "here we are")
        await shop.database.write(lambda db: events.append(db, [event]))
        assert [found.message for found in (await waiting).events] == ["here we are"]
        assert feed.waits == [60.0]

    play(tmp_path, scenario, lanes=False)


def test_when_something_is_due_next(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        now = shop.clock.now()

        def look(connection: Connection) -> None:
            assert telling.next_due(connection, now) is None
            alerts.put(connection, LOST, now)
            due = telling.next_due(connection, now)
            assert due is not None
            assert (due - now).total_seconds() == ROOT_LOST.shows_after_s > 0
            assert not telling.is_due(connection, now)
            assert telling.is_due(connection, due)
            assert telling.next_due(connection, due) is None, "that is now"

        await shop.database.write(look)

    play(tmp_path, scenario, lanes=False)
