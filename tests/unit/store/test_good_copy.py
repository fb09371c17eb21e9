"""The last good copy: of one moment, sound, and never in the way."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.store.rows import NOW
from tests.unit.store.test_events import note
from wan_healthd.domain.errors import StateDamaged, StoreUnusable
from wan_healthd.store import events
from wan_healthd.store.connection import Connection, open_writer
from wan_healthd.store.good_copy import Copier, copy_whole
from wan_healthd.store.side_files import good_copy_of
from wan_healthd.store.times import to_micros


def count(file: bytes) -> int:
    with closing(sqlite3.connect(f"file:{os.fsdecode(file)}?immutable=1", uri=True)) as copy:
        return int(copy.execute("SELECT count(*) FROM event").fetchone()[0])


def fill(connection: Connection, rows: int) -> None:
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO event (at, body) VALUES (?, ?)", [(1, os.urandom(2000)) for _ in range(rows)])
    connection.execute("COMMIT")


def test_a_copy_is_one_private_file_that_says_when_it_was_made(file: bytes, connection: Connection) -> None:
    events.append(connection, [note("a")])
    copier = Copier(file)
    assert copier.made_at() is None
    copier.make(NOW)
    copy = good_copy_of(file)
    assert count(copy) == 1
    assert stat.S_IMODE(os.stat(copy).st_mode) == 0o600
    assert copier.made_at() is not None
    assert sorted(os.listdir(os.path.dirname(file))) == [b"state.db", b"state.db-shm", b"state.db-wal", b"state.db.good"]
    with closing(sqlite3.connect(os.fsdecode(copy))) as opened:
        assert opened.execute("SELECT value FROM meta WHERE key = 'copied_at'").fetchone() == (str(to_micros(NOW)),)


def test_a_later_copy_replaces_the_older(file: bytes, connection: Connection) -> None:
    for number in range(2):
        events.append(connection, [note("a")])
        Copier(file).make(NOW)
        assert count(good_copy_of(file)) == number + 1


def test_a_copy_is_of_one_moment_and_holds_nobody_up(file: bytes, connection: Connection, tmp_path: Path) -> None:
    fill(connection, 2000)
    target = os.fsencode(tmp_path / "copy")
    steps: list[int] = []

    def meanwhile() -> None:
        steps.append(1)
        events.append(connection, [note("meanwhile")])

    with closing(sqlite3.connect(os.fsdecode(file), isolation_level=None)) as source:
        copy_whole(source, target, meanwhile)
    assert len(steps) > 3, "it was copied in steps"
    assert len(steps) < 50, "it did not begin anew with every commit"
    assert count(target) == 2000


def test_a_cancelled_copy_leaves_the_older(file: bytes, connection: Connection) -> None:
    fill(connection, 10)
    copier = Copier(file)
    copier.make(NOW)
    fill(connection, 2000)
    copier.cancel()
    with pytest.raises(StoreUnusable, match="told to stop"):
        copier.make(NOW)
    assert count(good_copy_of(file)) == 10
    assert not os.path.exists(file + b".copying")


def test_a_copy_of_a_damaged_state_replaces_nothing(file: bytes, connection: Connection) -> None:
    fill(connection, 100)
    Copier(file).make(NOW)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(file, "r+b") as raw:
        raw.seek(5 * 4096)
        raw.write(b"\xff" * 4096 * 3)
    with pytest.raises(StateDamaged, match=r"damaged|malformed"):
        Copier(file).make(NOW)
    assert count(good_copy_of(file)) == 100


def test_too_little_space(file: bytes, connection: Connection) -> None:
    with pytest.raises(StoreUnusable, match="too little space") as caught:
        Copier(file, spare_bytes=1 << 60).make(NOW)
    assert caught.value.suggestion.startswith("free ")
    assert not os.path.exists(good_copy_of(file))


def test_a_disk_that_refuses(file: bytes, connection: Connection) -> None:
    os.mkdir(file + b".copying")
    with pytest.raises(StoreUnusable, match="cannot keep a good copy"):
        Copier(file).make(NOW)


def test_a_name_that_means_something_in_an_address(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/a?b#c%41 \xff"
    os.mkdir(folder)
    file = folder + b"/state.db"
    with closing(open_writer(file)) as connection:
        events.append(connection, [note("a")])
        Copier(file).make(NOW)
    assert os.path.exists(good_copy_of(file))


def test_the_writer_goes_on_beside_it(file: bytes, connection: Connection) -> None:
    fill(connection, 3000)
    copying = threading.Thread(target=lambda: Copier(file).make(NOW))
    copying.start()
    commits = 0
    while copying.is_alive():
        events.append(connection, [note("beside")])
        commits += 1
    copying.join()
    assert commits > 3
    assert 3000 <= count(good_copy_of(file)) <= 3000 + commits
