"""Opening: fresh, again, and all the ways in which a file is not our state."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.unprivileged import Unprivileged
from wan_healthd.domain.errors import StateInUse, StoreUnusable
from wan_healthd.store.connection import lock_state, open_reader, open_writer
from wan_healthd.store.migrating import APPLICATION_ID, migrations

NEWEST = migrations()[-1][0]


def one(connection: sqlite3.Connection, statement: str) -> object:
    return connection.execute(statement).fetchone()[0]


def test_migrations_are_numbered_without_gaps() -> None:
    assert [number for number, _ in migrations()] == list(range(1, NEWEST + 1))


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_fresh_state(file: bytes, in_memory: bool) -> None:
    connection = open_writer(None if in_memory else file)
    assert one(connection, "PRAGMA application_id") == APPLICATION_ID
    assert one(connection, "PRAGMA user_version") == NEWEST
    assert one(connection, "PRAGMA foreign_keys") == 1
    assert one(connection, "PRAGMA synchronous") == 2
    assert len(str(one(connection, "SELECT value FROM meta WHERE key = 'stream'"))) == 16
    connection.close()


def test_opening_again_changes_nothing(file: bytes) -> None:
    first = open_writer(file)
    stream = one(first, "SELECT value FROM meta WHERE key = 'stream'")
    first.execute("INSERT INTO event (at, body) VALUES (1, x'00')")
    first.close()
    second = open_writer(file)
    assert one(second, "SELECT value FROM meta WHERE key = 'stream'") == stream
    assert one(second, "SELECT count(*) FROM event") == 1
    second.close()


def test_the_state_is_its_owners_alone(file: bytes) -> None:
    before = os.umask(0)
    try:
        connection = open_writer(file)
        connection.execute("INSERT INTO event (at, body) VALUES (1, x'00')")
        modes = {name: stat.S_IMODE(os.stat(file + name).st_mode) for name in (b"", b"-wal", b"-shm")}
        connection.close()
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}


def test_a_newer_schema_is_refused(file: bytes) -> None:
    open_writer(file).close()
    newer = sqlite3.connect(os.fsdecode(file))
    newer.execute(f"PRAGMA user_version = {NEWEST + 1}")
    newer.close()
    with pytest.raises(StoreUnusable, match="a newer wan-healthd wrote it") as caught:
        open_writer(file)
    assert "newer version" in caught.value.suggestion


def test_another_programs_database_is_refused_and_not_touched(file: bytes) -> None:
    other = sqlite3.connect(os.fsdecode(file))
    other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.commit()
    other.close()
    before = Path(os.fsdecode(file)).read_bytes()
    with pytest.raises(StoreUnusable, match="another program's database"):
        open_writer(file)
    assert Path(os.fsdecode(file)).read_bytes() == before


INTERRUPTED = """
import os, resource, sys
from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.store.connection import open_writer
refused = 0
for number, limit in enumerate(range(4096, 250_000, 4096)):
    file = os.fsencode(f"{sys.argv[1]}{number}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        open_writer(file).close()
    except StoreUnusable:
        refused += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    opened = open_writer(file)
    assert opened.execute("SELECT count(*) FROM meta").fetchone() == (1,)
    opened.close()
print(refused)
"""


def test_a_first_start_that_the_disk_cut_short_is_no_foreign_database(file: bytes) -> None:
    """Wherever the disk was full, the file that is left is either empty or ours, and can be opened when there is room."""
    said = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, os.fsdecode(file)], capture_output=True, text=True, timeout=50, check=False
    )
    assert said.returncode == 0, said.stderr
    assert int(said.stdout) > 10, "the limits did not bite"


@pytest.mark.parametrize("content", [b"this is no database, whatever its name says" * 9, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_damaged_file_is_told_and_kept(file: bytes, content: bytes) -> None:
    Path(os.fsdecode(file)).write_bytes(content)
    with pytest.raises(StoreUnusable, match="cannot open the state database") as caught:
        open_writer(file)
    assert "--rebuild-state" in caught.value.suggestion
    assert Path(os.fsdecode(file)).read_bytes() == content


def test_a_link_in_place_of_the_state_is_not_followed(file: bytes, tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"")
    os.symlink(tmp_path / "victim", file)
    with pytest.raises(StoreUnusable):
        open_writer(file)
    assert (tmp_path / "victim").read_bytes() == b""


def test_the_reader_cannot_write(file: bytes) -> None:
    writer = open_writer(file)
    reader = open_reader(file)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM event")
    reader.close()
    writer.close()


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match=r"cannot write in the state folder .*: No such file") as caught:
        lock_state(os.fsencode(tmp_path / "absent" / "state.db"))
    assert "STATE_DIRECTORY" in caught.value.suggestion


def test_the_lock_is_held_against_this_process_too(file: bytes) -> None:
    held = lock_state(file)
    with pytest.raises(StateInUse, match="another wan-healthd works on it"):
        lock_state(file)
    os.close(held)
    os.close(lock_state(file))


HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_that_another_process_holds(file: bytes) -> None:
    command = [sys.executable, "-c", HOLDER, os.fsdecode(file) + ".lock"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StateInUse):
            lock_state(file)
        other.kill()
    os.close(lock_state(file))


def test_a_folder_that_may_not_be_written(unprivileged: Unprivileged) -> None:
    unprivileged.folder.chmod(0o500)
    script = (
        "import sys\n"
        "from wan_healthd.domain.errors import StoreUnusable\n"
        "from wan_healthd.host.threads import spawn\n"
        "from wan_healthd.store.database import Database\n"
        "try:\n    Database(sys.argv[1].encode(), spawn)\n"
        "except StoreUnusable as error:\n    print(error.code, error.message)\n"
    )
    said = unprivileged.run([unprivileged.python, "-c", script, unprivileged.folder / "state.db"])
    told = f"store-unusable cannot write in the state folder {unprivileged.folder}: Permission denied\n"
    assert said.stdout == told, said.stderr
