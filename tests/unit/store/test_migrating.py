"""From one schema to the next: step by step, with a copy of what was before. The scripts here are made up."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest

from wan_healthd.domain.errors import StateDamaged, StoreUnusable
from wan_healthd.store.connection import open_writer
from wan_healthd.store.migrating import Script, expected_schema, migrations, schema_of

FIRST: Script = migrations()[0]
SECOND: Script = (2, "ALTER TABLE timer ADD COLUMN note TEXT; CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT;")
THIRD: Script = (3, "INSERT INTO extra VALUES (7);")
BROKEN: Script = (3, "INSERT INTO extra VALUES (7); INSERT INTO nowhere VALUES (1);")


def version(file: bytes) -> int:
    with closing(sqlite3.connect(os.fsdecode(file))) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def first(file: bytes) -> None:
    with closing(open_writer(file, scripts=[FIRST])) as connection:
        connection.execute("INSERT INTO meta VALUES ('mine', 'kept')")


def test_a_state_of_before_is_migrated_and_kept_as_it_was(file: bytes) -> None:
    first(file)
    with closing(open_writer(file, scripts=[FIRST, SECOND, THIRD])) as connection:
        assert connection.execute("SELECT value FROM meta WHERE key = 'mine'").fetchone() == ("kept",)
        assert connection.execute("SELECT id FROM extra").fetchone() == (7,)
        assert schema_of(connection) == expected_schema(3, [FIRST, SECOND, THIRD])
    before = file + b".before-schema-3"
    assert (version(file), version(before)) == (3, 1)
    with closing(open_writer(before, scripts=[FIRST])) as kept:
        assert kept.execute("SELECT value FROM meta WHERE key = 'mine'").fetchone() == ("kept",)


def test_opening_again_copies_nothing(file: bytes) -> None:
    first(file)
    open_writer(file, scripts=[FIRST, SECOND]).close()
    os.unlink(file + b".before-schema-2")
    open_writer(file, scripts=[FIRST, SECOND]).close()
    assert not os.path.exists(file + b".before-schema-2")


def test_a_step_that_fails_leaves_the_steps_before(file: bytes) -> None:
    first(file)
    for _ in range(2):
        with pytest.raises(StoreUnusable, match="nowhere"):
            open_writer(file, scripts=[FIRST, SECOND, BROKEN])
        assert version(file) == 2
    with closing(open_writer(file, scripts=[FIRST, SECOND, THIRD])) as connection:
        assert connection.execute("SELECT id FROM extra").fetchall() == [(7,)]


def test_without_room_for_the_copy_nothing_is_migrated(file: bytes) -> None:
    first(file)
    os.mkdir(file + b".before-schema-2")
    with pytest.raises(StoreUnusable, match="cannot open the state database"):
        open_writer(file, scripts=[FIRST, SECOND])
    assert version(file) == 1


def test_a_damaged_state_of_before_is_not_migrated(file: bytes) -> None:
    first(file)
    with closing(sqlite3.connect(os.fsdecode(file))) as connection:
        connection.execute("DROP TABLE scrub")
    with pytest.raises(StateDamaged, match="its tables are not those"):
        open_writer(file, scripts=[FIRST, SECOND])
    assert version(file) == 1


def test_a_newer_state_is_refused(file: bytes) -> None:
    open_writer(file, scripts=[FIRST, SECOND]).close()
    with pytest.raises(StoreUnusable, match=r"a newer wan-healthd wrote it \(schema 2, this one knows 1\)") as caught:
        open_writer(file, scripts=[FIRST])
    assert not isinstance(caught.value, StateDamaged)
