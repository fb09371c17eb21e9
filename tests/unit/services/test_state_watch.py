"""A state that refuses is told once, probed, and made good for when it works again."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, WEIGHTS, play
from tests.unit.store.test_events import note
from wan_healthd.checks.state_reach import state_finding
from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.domain.settings import EventSettings, Settings
from wan_healthd.host.threads import ThreadPool
from wan_healthd.services.good_copy import AT_MOST_EVERY, GoodCopies
from wan_healthd.services.retention import Retention
from wan_healthd.services.state_watch import StateWatch
from wan_healthd.store import events
from wan_healthd.store.connection import Connection

PATIENCE_S = 10.0


def watch(shop: Workshop, recovered: Callable[[], None] = lambda: None) -> StateWatch:
    state_watch = StateWatch(
        database=shop.database,
        clock=shop.clock,
        alerter=shop.alerter,
        feed=shop.feed,
        recovered=recovered,
        first_probe_s=0.02,
    )
    shop.crew.start(state_watch.run())
    return state_watch


def alerts(shop: Workshop) -> list[str]:
    return [alert.kind.name for alert in shop.sink.alerts if alert.kind.name.startswith("state-")]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def bound(shop: Workshop, pages: int | None) -> None:
    """Let the database grow by `pages` at most; None: as it likes."""

    def limit(db: Connection) -> int:
        return int(db.execute("PRAGMA page_count").fetchone()[0])

    count = await shop.database.read(limit)
    most = 1 << 30 if pages is None else count + pages
    await shop.database.write(lambda db: db.execute(f"PRAGMA max_page_count = {most}").fetchone())


def hurry(db: Connection) -> None:
    """Five seconds, as long as SQLite waits for a lock, are too long for a test."""
    db.execute("PRAGMA busy_timeout = 10").fetchone()


async def swell(shop: Workshop) -> None:
    await shop.database.write(lambda db: db.execute("INSERT INTO meta VALUES ('big', ?)", ("x" * 100_000,)).rowcount)


def test_told_once_with_cause_and_cure_and_again_when_it_works(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        recovered: list[bool] = []
        watch(shop, lambda: recovered.append(True))
        await asyncio.sleep(0)
        with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
            await shop.database.write(hurry)
            other.execute("BEGIN IMMEDIATE")
            for _ in range(2):
                with pytest.raises(StoreUnusable, match="database is locked"):
                    await swell(shop)
            await until(lambda: bool(alerts(shop)))
            (alert,) = [alert for alert in shop.sink.alerts if alert.kind.name == "state-unwritable"]
            assert "database is locked (SQLITE_BUSY)" in alert.message
            assert alert.finding is not None
            assert alert.finding == state_finding("database is locked (SQLITE_BUSY)", alert.finding.suggestion)
            assert "fuser" in alert.finding.suggestion
            assert recovered == []
            other.execute("ROLLBACK")
        await until(lambda: bool(recovered))
        await until(lambda: alerts(shop) == ["state-unwritable", "state-writable-again"])
        assert (await shop.told())[-2:] == ["state-unwritable", "state-writable-again"]

    play(tmp_path, scenario, state=bytes(tmp_path / "state.db"))


def test_a_full_state_works_again(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        watch(shop)
        await bound(shop, 2)
        with pytest.raises(StoreUnusable, match="full"):
            await swell(shop)
        await until(lambda: "state-unwritable" in alerts(shop))
        await until(lambda: "state-writable-again" in alerts(shop))

    play(tmp_path, scenario, state=bytes(tmp_path / "state.db"))


def test_what_was_found_meanwhile_is_found_again(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        watch(shop)
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        assert (await shop.result(MODEL)).is_healthy
        with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
            await shop.database.write(hurry)
            other.execute("BEGIN IMMEDIATE")
            shop.put(FILE, WEIGHTS[:-9000])
            await shop.judge(FILE)
            assert (await shop.result(MODEL)).is_healthy, "it could not be recorded"
            other.execute("ROLLBACK")
        await until(lambda: "state-writable-again" in alerts(shop))
        await shop.sweep()
        assert "safetensors-truncated" in await shop.codes(FILE)

    play(tmp_path, scenario, state=bytes(tmp_path / "state.db"), complaints=None)


def test_damage_ends_it(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        state_watch = watch(shop)
        ending = asyncio.ensure_future(state_watch.until_damaged())
        (tmp_path / "state.db").unlink()
        await shop.database.write(lambda db: None)
        trouble = await asyncio.wait_for(ending, PATIENCE_S)
        assert "removed or replaced" in trouble.cause
        assert alerts(shop) == ["state-damaged"]

    play(tmp_path, scenario, state=bytes(tmp_path / "state.db"))


def test_a_good_copy_after_a_sweep_but_not_after_each(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        threads, told = ThreadPool(), list[str]()
        state, copy = bytes(tmp_path / "state.db"), tmp_path / "state.db.good"
        keeper = GoodCopies(state, shop.database, threads, shop.clock, lambda what, _error: told.append(what))
        shop.crew.start(keeper.run())
        keeper.ask()
        await until(copy.exists)
        first = copy.stat()
        shop.clock.advance(first.st_mtime - shop.clock.now().timestamp() + 60)
        keeper.ask()
        await asyncio.sleep(0.2)
        assert copy.stat().st_ino == first.st_ino, "a minute old is young enough"
        shop.clock.advance(AT_MOST_EVERY.total_seconds())
        keeper.ask()
        await until(lambda: copy.stat().st_ino != first.st_ino)
        keeper.close()
        shop.clock.advance(AT_MOST_EVERY.total_seconds())
        keeper.ask()
        await until(lambda: bool(told))
        assert "the one before stays" in told[0]
        threads.close()

    play(tmp_path, scenario, state=bytes(tmp_path / "state.db"))


def test_old_events_are_rolled_up_in_steps(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        await shop.database.write(lambda db: events.append(db, [note(str(n)) for n in range(2500)]))
        told: list[str] = []
        kept = Settings(events=EventSettings(most=1000))
        retention = Retention(shop.database, shop.clock, kept, lambda what, _error: told.append(what))
        assert await retention.tidy() == 1500
        assert await retention.tidy() == 0
        assert (await shop.events())[0].seq == 1501
        assert told == []

    play(tmp_path, scenario)
