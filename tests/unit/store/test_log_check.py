"""The write-ahead log that a crash left: torn at its end is normal, damaged before its end is not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.unit.store.test_events import note
from wan_healthd.store import events
from wan_healthd.store.connection import open_writer
from wan_healthd.store.log_check import log_fault

FRAME_BYTES = 24 + 4096
COMMITS = 6


@pytest.fixture
def left(file: bytes, tmp_path: Path) -> bytes:
    """A state as `kill -9` leaves it: with a log of several commits."""
    connection = open_writer(file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for number in range(COMMITS):
        events.append(connection, [note(str(number) * 9000)])
    copy = os.fsencode(tmp_path / "left.db")
    for ending in (b"", b"-wal"):
        shutil.copyfile(file + ending, copy + ending)
    connection.close()
    return copy


def frames(left: bytes) -> int:
    return (os.stat(left + b"-wal").st_size - 32) // FRAME_BYTES


def flip(left: bytes, at: int) -> None:
    with open(left + b"-wal", "r+b") as log:
        log.seek(at)
        (byte,) = log.read(1)
        log.seek(at)
        log.write(bytes([byte ^ 0x10]))


def kept(left: bytes) -> int:
    connection = open_writer(left)
    try:
        return len(events.since(connection, "s", 0, 100))
    finally:
        connection.close()


def test_no_log(file: bytes) -> None:
    assert log_fault(file) is None


def test_a_log_that_is_whole(left: bytes) -> None:
    assert frames(left) > 2 * COMMITS
    assert log_fault(left) is None
    assert kept(left) == COMMITS


@pytest.mark.parametrize("at", [0, 9, 17, 30])
def test_its_head(left: bytes, at: int) -> None:
    flip(left, at)
    assert log_fault(left) == "the head of its log is not what was written"


@pytest.mark.parametrize("at", [32, 32 + 9, 32 + 20, 32 + 24, 32 + FRAME_BYTES + 2000])
def test_before_its_last_commits(left: bytes, at: int) -> None:
    flip(left, at)
    assert log_fault(left) == "its log is damaged before its last commits"


def test_zeros_in_its_midst(left: bytes) -> None:
    with open(left + b"-wal", "r+b") as log:
        log.seek(32 + FRAME_BYTES)
        log.write(bytes(2 * FRAME_BYTES))
    assert log_fault(left) is not None


@pytest.mark.parametrize("missing", [1, 100, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1])
def test_a_last_commit_that_was_cut_off(left: bytes, missing: int) -> None:
    os.truncate(left + b"-wal", os.stat(left + b"-wal").st_size - missing)
    assert log_fault(left) is None
    assert kept(left) == COMMITS - 1


def test_a_last_commit_that_was_torn(left: bytes) -> None:
    flip(left, os.stat(left + b"-wal").st_size - 10)
    assert log_fault(left) is None
    assert kept(left) == COMMITS - 1


@pytest.mark.parametrize("size", [0, 5, 32])
def test_a_log_that_had_just_begun(left: bytes, size: int) -> None:
    os.truncate(left + b"-wal", size)
    assert log_fault(left) is None


def test_what_an_earlier_round_left_does_not_count(file: bytes, tmp_path: Path) -> None:
    connection = open_writer(file)
    for number in range(COMMITS):
        events.append(connection, [note(str(number) * 9000)])
    connection.execute("PRAGMA wal_checkpoint(RESTART)")
    events.append(connection, [note("of the next round")])
    copy = os.fsencode(tmp_path / "left.db")
    for ending in (b"", b"-wal"):
        shutil.copyfile(file + ending, copy + ending)
    connection.close()
    assert log_fault(copy) is None
    assert kept(copy) == COMMITS + 1
