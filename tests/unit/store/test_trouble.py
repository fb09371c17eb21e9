"""What refuses, what is damaged, and how long a refusal is waited out."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.store.test_database import insert, names, run
from wan_healthd.domain.backoff import delay_s
from wan_healthd.domain.errors import StateDamaged, StoreUnusable
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.patience import TRY_FOR_S, Patience
from wan_healthd.store.standing import Standing
from wan_healthd.store.trouble import CURES, Trouble, is_trouble, trouble_of

FULL = Trouble("full", "make room")
DAMAGED = Trouble("damaged", "restart", is_damage=True)


def of_sqlite(code: int, name: str = "SQLITE_X") -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("as SQLite says")
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error


@pytest.mark.parametrize(
    "code", [*CURES, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_READONLY_DBMOVED, sqlite3.SQLITE_BUSY_SNAPSHOT]
)
def test_a_system_that_refuses(code: int) -> None:
    trouble = trouble_of(of_sqlite(code, "SQLITE_NAME"))
    assert trouble is not None
    assert (trouble.cause, trouble.is_damage) == ("as SQLite says (SQLITE_NAME)", False)
    assert trouble.cure


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT_INDEX])
def test_damage(code: int) -> None:
    trouble = trouble_of(of_sqlite(code))
    assert trouble is not None
    assert trouble.is_damage


@pytest.mark.parametrize("error", [of_sqlite(sqlite3.SQLITE_CONSTRAINT), sqlite3.OperationalError("no code"), ValueError("x")])
def test_what_is_about_the_statement_alone(error: Exception) -> None:
    assert trouble_of(error) is None
    assert not is_trouble(error)


def test_waits_grow_and_are_bounded() -> None:
    waits = [delay_s(attempt, first_s=1.0, most_s=60.0, luck=1.0) for attempt in range(1, 9)]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert delay_s(3, first_s=1.0, most_s=60.0, luck=0.0) == 2.0
    assert delay_s(10**6, first_s=1.0, most_s=60.0, luck=1.0) == 60.0


def test_a_refusal_is_waited_out_for_a_while() -> None:
    began = time.monotonic()
    tries = sum(1 for _ in Patience().tries(is_known=False))
    assert 4 <= tries <= 40
    assert time.monotonic() - began < TRY_FOR_S + 1.0
    assert list(Patience().tries(is_known=True)) == []


def test_nobody_waits_for_a_database_that_is_closed() -> None:
    patience = Patience()
    patience.end()
    assert list(patience.tries(is_known=False)) == []


def test_standing_tells_changes_only() -> None:
    told: list[Trouble | None] = []
    standing = Standing()
    standing.worked()
    standing.listen(told.append)
    for act in (standing.worked, lambda: standing.failed(None), lambda: standing.failed(FULL), lambda: standing.failed(FULL)):
        act()
    assert standing.trouble == FULL
    standing.worked()
    standing.worked()
    assert told == [FULL, None]


def test_damage_does_not_pass() -> None:
    told: list[Trouble | None] = []
    standing = Standing()
    standing.failed(FULL)
    standing.failed(DAMAGED)
    standing.failed(FULL)
    standing.worked()
    standing.listen(told.append)
    assert told == [DAMAGED]


def trouble(database: Database) -> Trouble | None:
    return database.standing.trouble


def failing(times: int, code: int) -> Callable[[Connection], str]:
    left = [times]

    def work(connection: Connection) -> str:
        insert("a")(connection)
        if left[0]:
            left[0] -= 1
            raise of_sqlite(code)
        return "done"

    return work


def test_a_passing_refusal_is_not_noticed(file: bytes) -> None:
    async def scenario(database: Database) -> None:
        assert await database.write(failing(2, sqlite3.SQLITE_IOERR)) == "done"
        assert await database.read(names) == ["a"]
        assert database.standing.trouble is None

    run(file, scenario)


def test_a_lasting_one_is_told_and_passes(file: bytes) -> None:
    async def scenario(database: Database) -> None:
        with pytest.raises(StoreUnusable, match="as SQLite says") as caught:
            await database.write(failing(10**6, sqlite3.SQLITE_FULL))
        assert "free some space" in caught.value.suggestion
        assert database.standing.trouble is not None
        began = time.monotonic()
        with pytest.raises(StoreUnusable):
            await database.write(failing(10**6, sqlite3.SQLITE_FULL))
        assert time.monotonic() - began < TRY_FOR_S / 2, "known trouble is not waited out again"
        await database.write(names)
        assert database.standing.trouble is not None, "a commit of nothing proves nothing"
        await database.write(insert("b"))
        assert trouble(database) is None
        assert await database.read(names) == ["b"]

    run(file, scenario)


def test_another_program_that_holds_it(file: bytes) -> None:
    async def scenario(database: Database) -> None:
        with closing(sqlite3.connect(os.fsdecode(file), isolation_level=None, check_same_thread=False)) as other:
            other.execute("BEGIN IMMEDIATE")
            threading.Timer(0.5, lambda: other.execute("ROLLBACK")).start()
            await database.write(insert("a"))
            assert await database.read(names) == ["a"]
            await asyncio.sleep(0.6)

    run(file, scenario)


def test_closing_waits_for_no_disk(file: bytes) -> None:
    async def scenario(database: Database) -> None:
        writing = asyncio.ensure_future(database.write(failing(10**6, sqlite3.SQLITE_FULL)))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await asyncio.to_thread(database.close)
        assert time.monotonic() - began < 1.0
        with pytest.raises(StoreUnusable):
            await writing

    run(file, scenario)


def test_damage_that_is_met(file: bytes) -> None:
    async def scenario(database: Database) -> None:
        for met in (database.write, database.read):
            with pytest.raises(StateDamaged):
                await met(failing(1, sqlite3.SQLITE_CORRUPT) if met == database.write else corrupt)
        trouble = database.standing.trouble
        assert trouble is not None
        assert trouble.is_damage

    run(file, scenario)


def corrupt(connection: Connection) -> None:
    raise of_sqlite(sqlite3.SQLITE_CORRUPT)


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_file_that_is_taken_away_under_us(file: bytes, how: str) -> None:
    """SQLite goes on writing into a file that nobody will find again."""

    async def scenario(database: Database) -> None:
        path = Path(os.fsdecode(file))
        if how == "replaced":
            shutil.copyfile(path, f"{path}.other")
        path.unlink()
        if how == "replaced":
            Path(f"{path}.other").rename(path)
        await database.write(names)
        trouble = database.standing.trouble
        assert trouble is not None
        assert trouble.is_damage

    run(file, scenario)
