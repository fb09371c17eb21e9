"""The one writer: what is committed together, and what a failing call can do to others."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wan_healthd.domain.errors import StateInUse, StoreUnusable
from wan_healthd.host.threads import spawn
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database


def insert(name: str) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        connection.execute("INSERT INTO meta VALUES (?, '')", (name,))

    return work


def names(connection: Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT key FROM meta WHERE key != 'stream' ORDER BY key")]


def fails(error: Exception) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        insert("half")(connection)
        raise error

    return work


class Gate:
    """Holds the writer up, so that what is handed in meanwhile becomes one batch."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._reached = threading.Event()

    def wait(self, connection: Connection) -> None:
        self._reached.set()
        assert self._opened.wait(5)

    async def run(self, database: Database, *batch: Callable[[Connection], Any]) -> list[Any]:
        """Run the calls as one batch; returns their results, or what they raised."""
        first = asyncio.ensure_future(database.write(self.wait))
        await asyncio.to_thread(self._reached.wait, 5)
        waiting = [asyncio.ensure_future(database.write(work)) for work in batch]
        await asyncio.sleep(0)
        self._opened.set()
        return (await asyncio.gather(first, *waiting, return_exceptions=True))[1:]


@pytest.fixture(params=["file", "memory"])
def place(request: pytest.FixtureRequest, file: bytes) -> bytes | None:
    return file if request.param == "file" else None


def run(place: bytes | None, scenario: Callable[[Database], Any]) -> Any:
    async def live() -> Any:
        database = Database(place, spawn)
        try:
            return await scenario(database)
        finally:
            await asyncio.to_thread(database.close)

    return asyncio.run(live())


def test_what_is_written_is_read(place: bytes | None) -> None:
    async def scenario(database: Database) -> list[str]:
        await database.write(insert("a"))
        return await database.read(names)

    assert run(place, scenario) == ["a"]


def test_a_batch_is_one_commit(file: bytes) -> None:
    async def scenario(database: Database) -> None:
        commits: list[bool] = []

        def last(connection: Connection) -> list[str]:
            other = sqlite3.connect(os.fsdecode(file))
            commits.append(names(other) == [])
            other.close()
            return names(connection)

        results = await Gate().run(database, insert("a"), insert("b"), last)
        assert results == [None, None, ["a", "b"]]
        assert commits == [True], "the first two were committed before the last one ran"

    run(file, scenario)


def test_one_failing_call_harms_no_other(place: bytes | None) -> None:
    async def scenario(database: Database) -> None:
        broken = sqlite3.IntegrityError("broken")
        results = await Gate().run(database, insert("a"), fails(ValueError("mine")), fails(broken), insert("b"))
        assert results[0] is results[3] is None
        assert isinstance(results[1], ValueError)
        assert isinstance(results[2], StoreUnusable)
        assert await database.read(names) == ["a", "b"]

    run(place, scenario)


def test_a_disk_that_refuses_fails_the_batch_and_the_next_one_works(place: bytes | None) -> None:
    async def scenario(database: Database) -> None:
        full = fails(sqlite3.OperationalError("database or disk is full"))
        results = await Gate().run(database, insert("a"), full, insert("b"))
        assert [type(result) for result in results] == [StoreUnusable] * 3
        assert "database or disk is full" in str(results[0])
        assert await database.read(names) == []
        await database.write(insert("c"))
        assert await database.read(names) == ["c"]

    run(place, scenario)


def test_a_really_full_disk(file: bytes) -> None:
    async def scenario(database: Database) -> None:
        pages = await database.write(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
        await database.write(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
        with pytest.raises(StoreUnusable, match="full"):
            await database.write(lambda db: db.execute("INSERT INTO meta VALUES ('big', ?)", ("x" * 100_000,)).rowcount)
        await database.write(lambda db: db.execute("PRAGMA max_page_count = 100000").fetchone())
        await database.write(insert("small"))
        assert await database.read(names) == ["small"]

    run(file, scenario)


def test_a_lost_transaction_is_told_and_not_hung(place: bytes | None) -> None:
    """SQLite may roll a whole transaction back by itself; then there is no savepoint to return to."""

    async def scenario(database: Database) -> None:
        def lose(connection: Connection) -> None:
            connection.execute("ROLLBACK")
            raise ValueError("whatever")

        with pytest.raises((StoreUnusable, ValueError)):
            await asyncio.wait_for(database.write(lose), 5)
        await database.write(insert("after"))
        assert await database.read(names) == ["after"]

    run(place, scenario)


def test_a_read_cannot_write_and_says_so(file: bytes) -> None:
    async def scenario(database: Database) -> None:
        with pytest.raises(StoreUnusable, match="readonly"):
            await database.read(insert("a"))
        assert await database.read(names) == []

    run(file, scenario)


def test_one_read_sees_one_state(file: bytes) -> None:
    async def scenario(database: Database) -> None:
        began, written = threading.Event(), threading.Event()

        def twice(connection: Connection) -> tuple[list[str], list[str]]:
            before = names(connection)
            began.set()
            assert written.wait(5)
            return before, names(connection)

        reading = asyncio.ensure_future(database.read(twice))
        await asyncio.to_thread(began.wait, 5)
        await database.write(insert("a"))
        written.set()
        assert await reading == ([], [])
        assert await database.read(names) == ["a"]

    run(file, scenario)


def test_reads_do_not_wait_for_the_writer(file: bytes) -> None:
    async def scenario(database: Database) -> None:
        opened = threading.Event()
        writing = asyncio.ensure_future(database.write(lambda db: opened.wait(5)))
        assert await asyncio.wait_for(database.read(names), 2) == []
        opened.set()
        assert await writing

    run(file, scenario)


def test_close_drains(file: bytes) -> None:
    async def live() -> None:
        database = Database(file, spawn)
        writes = [asyncio.ensure_future(database.write(insert(f"{number:03}"))) for number in range(300)]
        await asyncio.sleep(0)
        await asyncio.to_thread(database.close)
        await asyncio.gather(*writes)
        with pytest.raises(StoreUnusable, match="closed"):
            await asyncio.wait_for(database.write(insert("late")), 2)
        with pytest.raises(StoreUnusable, match="closed"):
            await asyncio.wait_for(database.read(names), 2)
        database.close()

    asyncio.run(live())
    assert len(run(file, lambda database: database.read(names))) == 300


def test_a_caller_who_left_is_no_trouble(file: bytes) -> None:
    async def scenario(database: Database) -> list[str]:
        leaving = asyncio.ensure_future(database.write(insert("a")))
        await asyncio.sleep(0)
        leaving.cancel()
        await database.write(insert("b"))
        return await database.read(names)

    assert run(file, scenario) == ["a", "b"]


def test_two_databases_cannot_share_a_state(file: bytes) -> None:
    async def scenario(database: Database) -> None:
        with pytest.raises(StateInUse):
            Database(file, spawn)

    run(file, scenario)
    run(file, lambda database: database.read(names))


def test_the_lock_is_free_again_after_a_refusal(file: bytes) -> None:
    Path(os.fsdecode(file)).write_bytes(b"no database" * 100)
    for _ in range(2):
        with pytest.raises(StoreUnusable, match="not a database"):
            Database(file, spawn)


def test_streams_are_named_once(file: bytes, tmp_path: Path) -> None:
    async def stream(database: Database) -> str:
        return database.stream

    assert run(file, stream) == run(file, stream)
    assert run(file, stream) != run(os.fsencode(tmp_path / "other.db"), stream)
