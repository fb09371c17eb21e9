"""Sums over a model's files."""

from __future__ import annotations

import hashlib

import pytest

from tests.unit.store.rows import MODEL, NOW, add_path, add_whole, identity, later
from wan_healthd.domain.catalogue import CHECKSUM_MISMATCH, FILE_MISSING, READ_ERROR
from wan_healthd.domain.coverage import Extent
from wan_healthd.domain.digests import BLOCK_BYTES, Assurance
from wan_healthd.domain.files import Role
from wan_healthd.domain.findings import Cause, Finding
from wan_healthd.domain.ports import BlockRun
from wan_healthd.store import contents, models, paths, totals
from wan_healthd.store.connection import Connection, open_writer

A, B = "aa" * 32, "bb" * 32


def checksum_of(names: dict[bytes, str]) -> str | None:
    connection = open_writer(None)
    for number, (name, sha256) in enumerate(names.items()):
        add_path(connection, name, add_whole(connection, identity(inode=number), sha256=sha256))
    found = totals.of_model(connection, MODEL.id).checksum
    connection.close()
    return found


def test_the_checksum_is_of_the_contents_in_the_order_of_the_paths() -> None:
    assert checksum_of({b"1": A, b"2": B}) == hashlib.sha256(bytes.fromhex(A + B)).hexdigest()
    assert checksum_of({b"2": B, b"1": A}) == checksum_of({b"1": A, b"2": B}), "not in the order of their arrival"
    assert checksum_of({b"x": A, b"y": B}) == checksum_of({b"1": A, b"2": B}), "names do not count"
    assert checksum_of({b"1": B, b"2": A}) != checksum_of({b"1": A, b"2": B}), "a swap of two files counts"
    assert checksum_of({}) is None


def test_a_model_without_files(connection: Connection) -> None:
    models.put(connection, MODEL, NOW)
    sums = totals.of_model(connection, MODEL.id)
    assert (sums.files, sums.size_bytes, sums.checksum, sums.oldest_read_at, sums.findings) == (0, 0, None, None, ())


def test_counts(connection: Connection) -> None:
    there = add_path(connection, b"a", add_whole(connection, identity(inode=1, size_bytes=10)))
    gone = add_path(connection, b"b", add_whole(connection, identity(inode=2, size_bytes=100)))
    add_path(connection, b"c.json", role=Role.SUPPORT)
    paths.replace_findings(connection, gone, [FILE_MISSING.at(b"/b", what="x")], NOW)
    sums = totals.of_model(connection, MODEL.id)
    assert (sums.files, sums.files_missing, sums.weights, sums.weights_missing, sums.files_unread) == (3, 1, 2, 1, 1)
    assert sums.size_bytes == 10, "what is missing has no size"
    assert [finding.code for finding in sums.findings] == ["file-missing"]
    assert there != gone


def rotten(cause: Cause) -> Finding:
    return CHECKSUM_MISMATCH.at(b"/a", authority="x", what="x", why="x", cure="x", cause=cause)


@pytest.mark.parametrize(
    ("finding", "has_checksum"),
    [
        (FILE_MISSING.at(b"/a", what="x"), False),
        (rotten(Cause.DISK), False),
        (READ_ERROR.at(b"/a", what="x", errno_name="EIO", cause=Cause.UNREADABLE), False),
        (rotten(Cause.REWRITTEN), True),
    ],
)
def test_no_checksum_of_bytes_that_are_not_there(connection: Connection, finding: Finding, has_checksum: bool) -> None:
    """A model whose disk rots must not show the checksum of the sound one."""
    path_id = add_path(connection, b"a", add_whole(connection, identity()))
    assert totals.of_model(connection, MODEL.id).checksum is not None
    paths.replace_findings(connection, path_id, [finding], NOW)
    assert (totals.of_model(connection, MODEL.id).checksum is not None) is has_checksum


def test_no_checksum_until_all_is_read(connection: Connection) -> None:
    add_path(connection, b"a", add_whole(connection, identity(inode=1)))
    add_path(connection, b"b", contents.ensure(connection, identity(inode=2)))
    assert totals.of_model(connection, MODEL.id).checksum is None


def test_the_oldest_read_is_that_of_the_stalest_byte(connection: Connection) -> None:
    first = add_whole(connection, identity(inode=1), at=later(10))
    add_path(connection, b"a", first)
    add_path(connection, b"b", add_whole(connection, identity(inode=2), at=later(5)))
    add_path(connection, b"empty", add_whole(connection, identity(inode=3, size_bytes=0)))
    assert totals.of_model(connection, MODEL.id).oldest_read_at == later(5)
    contents.mark(connection, first.id, Extent(1, 2, later(3), Assurance.DISK))
    assert totals.of_model(connection, MODEL.id).oldest_read_at == later(3)


@pytest.mark.parametrize("assurance", [Assurance.MEMORY, Assurance.UNPROVEN, Assurance.AS_RECEIVED])
def test_one_block_that_the_disk_did_not_prove_is_enough(connection: Connection, assurance: Assurance) -> None:
    content = add_whole(connection, identity())
    add_path(connection, b"a", content)
    contents.mark(connection, content.id, Extent(2, 3, later(1), assurance))
    assert totals.of_model(connection, MODEL.id).oldest_read_at is None


def test_a_file_that_was_read_in_part_was_not_read(connection: Connection) -> None:
    content = contents.ensure(connection, identity(size_bytes=3 * BLOCK_BYTES))
    contents.add_run(connection, content.id, BlockRun(0, bytes(64), Assurance.DISK), NOW)
    add_path(connection, b"a", content)
    assert totals.of_model(connection, MODEL.id).oldest_read_at is None


def test_a_file_that_was_never_looked_at(connection: Connection) -> None:
    add_path(connection, b"a", add_whole(connection, identity()))
    add_path(connection, b"b")
    sums = totals.of_model(connection, MODEL.id)
    assert (sums.oldest_read_at, sums.checksum, sums.files_unread) == (None, None, 1)
