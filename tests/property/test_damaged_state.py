"""Whatever happens to the bytes of a state: it opens sound, or its good copy does, or it is refused. Nothing else."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.store.rows import NOW, add_path, add_whole, identity
from tests.unit.store.test_events import note
from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.store import events, recovery
from wan_healthd.store.connection import Connection, lock_state, open_writer
from wan_healthd.store.good_copy import Copier
from wan_healthd.store.recovery import open_state
from wan_healthd.store.side_files import good_copy_of

EVENTS = 40


class Made(NamedTuple):
    """The bytes of a state and of its good copy, and the name of its stream."""

    state: bytes
    copy: bytes
    stream: str

    def __repr__(self) -> str:
        return "made"


def stream_of(connection: Connection) -> str:
    return str(connection.execute("SELECT value FROM meta WHERE key = 'stream'").fetchone()[0])


@pytest.fixture(scope="module")
def made() -> Made:
    with tempfile.TemporaryDirectory() as folder:
        file = os.fsencode(folder) + b"/state.db"
        with closing(open_writer(file)) as connection:
            for inode in range(30):
                content = add_whole(connection, identity(inode=inode), sha256=f"{inode:064x}")
                add_path(connection, b"%d.safetensors" % inode, content)
            events.append(connection, [note(f"{number} {'x' * 300}") for number in range(EVENTS)])
            Copier(file).make(NOW)
            stream = stream_of(connection)
        return Made(Path(os.fsdecode(file)).read_bytes(), Path(os.fsdecode(good_copy_of(file))).read_bytes(), stream)


flips = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=6)
ranges = st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 9000), st.sampled_from([b"\0", b"\xff", b"\x5a"]))
cuts = st.floats(0, 1, exclude_max=True)
damages = st.one_of(flips, ranges, cuts)


def damaged(whole: bytes, how: object) -> bytes:
    spoilt = bytearray(whole)
    if isinstance(how, float):
        return bytes(spoilt[: int(how * len(whole))])
    if isinstance(how, tuple):
        at = int(how[0] * len(whole))
        length = min(how[1], len(whole) - at)
        spoilt[at : at + length] = how[2] * length
        return bytes(spoilt)
    assert isinstance(how, list)
    for place, mask in how:
        spoilt[int(place * len(whole))] ^= mask
    return bytes(spoilt)


def assert_outcome(folder: str, made: Made, how: object, *, with_copy: bool) -> None:
    file = os.fsencode(folder) + b"/state.db"
    spoilt = damaged(made.state, how)
    Path(os.fsdecode(file)).write_bytes(spoilt)
    if with_copy:
        Path(os.fsdecode(good_copy_of(file))).write_bytes(made.copy)
    lock = lock_state(file)
    os.pwrite(lock, b"begun\n", 0)
    try:
        connection = open_state(file, lock, NOW)
    except StoreUnusable as refusal:
        assert refusal.suggestion
        assert Path(os.fsdecode(file)).read_bytes() == spoilt, "what is refused is left as it is"
        assert not with_copy or "another program's" in refusal.message or "a newer wan-healthd" in refusal.message
        return
    finally:
        os.close(lock)
    with closing(connection):
        assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM content").fetchone() == (30,), "no new baseline"
        restored = recovery.untold(connection)
        assert connection.execute("SELECT count(*) FROM event").fetchone() == (EVENTS + (restored is not None),)
        assert restored is None or stream_of(connection) != made.stream


@settings(max_examples=60)
@given(how=damages)
def test_with_a_good_copy(made: Made, how: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert_outcome(folder, made, how, with_copy=True)


@settings(max_examples=30)
@given(how=damages)
def test_without_one(made: Made, how: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert_outcome(folder, made, how, with_copy=False)
