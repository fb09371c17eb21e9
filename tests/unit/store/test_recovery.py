"""A damaged state: set aside and replaced by its good copy, or refused. Never a new baseline in silence."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.store.rows import NOW, later
from tests.unit.store.test_events import note
from wan_healthd.domain.errors import StateDamaged, StateInUse, StoreUnusable
from wan_healthd.store import events, recovery
from wan_healthd.store.connection import Connection, lock_state
from wan_healthd.store.good_copy import Copier
from wan_healthd.store.recovery import open_state, rebuild
from wan_healthd.store.side_files import KEPT_ASIDE, good_copy_of


def opened(file: bytes, *, restores: bool = True) -> closing[Connection]:
    """The state as the daemon opens it at NOW."""
    lock = lock_state(file)
    try:
        return closing(open_state(file, lock, NOW if restores else None))
    finally:
        os.close(lock)


def stream_of(connection: Connection) -> str:
    return str(connection.execute("SELECT value FROM meta WHERE key = 'stream'").fetchone()[0])


def messages(connection: Connection) -> list[str]:
    return [event.message for event in events.since(connection, "s", 0, 100)]


def begin(file: bytes, *, with_copy: bool = True) -> str:
    """A state with one event before its good copy and one behind it; returns the name of its stream."""
    with opened(file) as connection:
        events.append(connection, [note("before")])
        if with_copy:
            Copier(file).make(later(-60))
        events.append(connection, [note("behind")])
        return stream_of(connection)


def beside(file: bytes, part: str) -> list[Path]:
    path = Path(os.fsdecode(file))
    return sorted(item for item in path.parent.iterdir() if item.name.startswith(f"{path.name}.{part}"))


def overwrite(at: int, what: bytes) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(at)
            file.write(what)

    return spoil


def cut(size: int) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, size)


def end_of_file(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "no database": overwrite(0, b"this is no database"),
    "a page of noise": overwrite(2 * 4096, bytes(range(256)) * 16),
    "page 1 spoilt": overwrite(100, b"\xff" * 200),
    "truncated": cut(5 * 4096),
    "truncated within a page": cut(3 * 4096 + 17),
    "empty": cut(0),
    "zeros": end_of_file,
    "gone": Path.unlink,
    "another schema": lambda path: _run(path, "DROP INDEX event_at"),
    "an older schema's number": lambda path: _run(path, "PRAGMA user_version = 0"),
    "another owner": lambda path: _run(path, "PRAGMA application_id = 7"),
    "a reference into nothing": lambda path: _run(path, "INSERT INTO scrub VALUES (99, 1)"),
}


def _run(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.fixture(params=list(DAMAGES.values()), ids=list(DAMAGES))
def spoil(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    damage: Callable[[Path], None] = request.param
    return damage


def test_the_good_copy_takes_the_place_of_a_damaged_state(file: bytes, spoil: Callable[[Path], None]) -> None:
    stream = begin(file)
    spoil(Path(os.fsdecode(file)))
    with opened(file) as connection:
        first, told = messages(connection)
        assert first == "before"
        assert "of 2026-03-01 11:59:00 UTC" in told
        assert stream_of(connection) != stream, "the event behind the copy had the number that is used now"
        restored = recovery.untold(connection)
        assert restored is not None
        assert restored.message == told
        recovery.told(connection)
    with opened(file) as connection:
        assert recovery.untold(connection) is None
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert len(beside(file, "damaged-20260301T120000Z")) <= 1
    assert not beside(file, "restoring")


def test_without_a_copy_it_is_refused_and_left_as_it_is(file: bytes, spoil: Callable[[Path], None]) -> None:
    begin(file, with_copy=False)
    path = Path(os.fsdecode(file))
    spoil(path)
    before = path.read_bytes() if path.exists() else None
    for _ in range(2):
        with pytest.raises(StateDamaged, match="there is no good copy") as caught:
            opened(file)
        assert "--rebuild-state" in caught.value.suggestion
        assert (path.read_bytes() if path.exists() else None) == before
    assert not beside(file, "damaged")


def test_a_copy_that_is_no_better_replaces_nothing(file: bytes) -> None:
    begin(file)
    path, copy = Path(os.fsdecode(file)), Path(os.fsdecode(good_copy_of(file)))
    overwrite(2 * 4096, b"\xff" * 4096)(path)
    overwrite(2 * 4096, b"\xff" * 4096)(copy)
    before = path.read_bytes()
    with pytest.raises(StateDamaged, match="its last good copy is no better"):
        opened(file)
    assert path.read_bytes() == before
    assert not beside(file, "restoring")
    assert copy.exists()


def test_whoever_may_not_restore_leaves_it_alone(file: bytes) -> None:
    begin(file)
    cut(0)(Path(os.fsdecode(file)))
    with pytest.raises(StateDamaged, match="it is empty"):
        opened(file, restores=False)


def test_a_log_that_belongs_to_the_damaged_state_goes_aside_with_it(file: bytes) -> None:
    begin(file)
    path = Path(os.fsdecode(file))
    overwrite(2 * 4096, b"\xff" * 4096)(path)
    Path(f"{path}-wal").write_bytes(b"a log of some other time" * 99)
    with opened(file) as connection:
        assert messages(connection)[0] == "before"
    assert [item.name for item in beside(file, "damaged")] == [
        "state.db.damaged-20260301T120000Z",
        "state.db.damaged-20260301T120000Z-wal",
    ]


def test_a_restoration_that_was_cut_short_is_finished_by_the_next_start(file: bytes) -> None:
    """The damaged state was renamed, and then the power went."""
    begin(file)
    path = Path(os.fsdecode(file))
    path.rename(f"{path}.damaged-20260101T000000Z")
    Path(f"{path}-wal").write_bytes(b"its log, which was not renamed any more" * 99)
    with opened(file) as connection:
        assert messages(connection)[0] == "before"


def test_only_a_few_are_kept_aside(file: bytes) -> None:
    begin(file)
    for _ in range(KEPT_ASIDE + 3):
        cut(7)(Path(os.fsdecode(file)))
        with opened(file):
            pass
    assert len(beside(file, "damaged")) == KEPT_ASIDE


def test_rebuilding_begins_anew_and_keeps_the_old(file: bytes) -> None:
    stream = begin(file)
    name = rebuild(file, NOW)
    assert name == file + b".old-20260301T120000Z"
    with opened(file) as connection:
        assert messages(connection) == []
        assert stream_of(connection) != stream
    with closing(sqlite3.connect(os.fsdecode(name))) as old:
        assert old.execute("SELECT count(*) FROM event").fetchone() == (2,)


def test_rebuilding_a_damaged_state(file: bytes, spoil: Callable[[Path], None]) -> None:
    begin(file, with_copy=False)
    spoil(Path(os.fsdecode(file)))
    rebuild(file, NOW)
    with opened(file) as connection:
        assert messages(connection) == []


def test_rebuilding_twice_in_a_second_loses_nothing(file: bytes) -> None:
    for _ in range(2):
        begin(file, with_copy=False)
        rebuild(file, NOW)
    assert [item.name for item in beside(file, "old")] == ["state.db.old-20260301T120000Z", "state.db.old-20260301T120000Z-2"]


def test_there_is_nothing_to_rebuild(file: bytes) -> None:
    assert rebuild(file, NOW) is None


def test_a_daemon_that_works_on_it_keeps_it(file: bytes) -> None:
    begin(file)
    held = lock_state(file)
    with pytest.raises(StateInUse):
        rebuild(file, NOW)
    os.close(held)
    with opened(file) as connection:
        assert len(messages(connection)) == 2


def test_a_full_disk_leaves_everything_as_it_was(file: bytes) -> None:
    """The copy cannot be copied: here because a folder is in its way."""
    begin(file)
    path = Path(os.fsdecode(file))
    cut(7)(path)
    Path(f"{path}.restoring").mkdir()
    with pytest.raises(StoreUnusable, match="cannot put the last good copy"):
        opened(file)
    assert path.stat().st_size == 7
    Path(f"{path}.restoring").rmdir()
    with opened(file) as connection:
        assert messages(connection)[0] == "before"


def test_times_are_those_of_the_copy_and_of_the_start(file: bytes) -> None:
    begin(file)
    made_at = Copier(file).made_at()
    assert made_at is not None
    assert made_at - NOW > timedelta(0), "by the file's own time stamp"
