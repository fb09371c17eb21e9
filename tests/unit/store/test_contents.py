"""Contents: what identifies them, their block maps, and what is known of each block."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.store.rows import NOW, add_path, add_whole, digests, identity, later
from wan_healthd.domain.coverage import Extent, cover
from wan_healthd.domain.digests import BLOCK_BYTES, Assurance
from wan_healthd.domain.identity import FileIdentity
from wan_healthd.domain.ports import BlockRun
from wan_healthd.store import contents, paths
from wan_healthd.store.connection import Connection, open_writer

YEAR_2400_NS = 13_569_465_600 * 10**9
"""Beyond what 64 bits hold, as `touch -d 2400-01-01` sets it on ext4."""


@pytest.mark.parametrize(
    "stated",
    [
        identity(),
        identity(inode=2**63),
        identity(inode=2**64 - 1),
        identity(size_bytes=0),
        identity(mtime_ns=-1),
        identity(mtime_ns=YEAR_2400_NS),
        identity(mtime_ns=2**64 + 1, ctime_ns=2**70),
        FileIdentity("", 0, 0, 0, 0),
    ],
)
def test_an_identity_comes_back_as_it_was(connection: Connection, stated: FileIdentity) -> None:
    made = contents.ensure(connection, stated)
    assert made.identity == stated
    assert contents.ensure(connection, stated).id == made.id
    assert contents.find(connection, stated) == contents.get(connection, made.id) == made


def test_each_part_of_an_identity_counts(connection: Connection) -> None:
    several = [
        identity(),
        identity(inode=8),
        identity(size_bytes=9),
        identity(mtime_ns=9),
        identity(ctime_ns=9),
        FileIdentity("uuid-2", 7, 3 * BLOCK_BYTES + 5, 1, 2),
    ]
    assert len({contents.ensure(connection, stated).id for stated in several}) == len(several)


def test_a_first_read_that_was_cut_short_begins_anew(connection: Connection) -> None:
    content = contents.ensure(connection, identity())
    contents.add_run(connection, content.id, BlockRun(0, digests(3), Assurance.DISK), NOW)
    contents.restart(connection, content.id)
    assert contents.extents(connection, content.id) == ()
    contents.add_run(connection, content.id, BlockRun(0, digests(1, seed=2), Assurance.DISK), later(1))
    contents.add_run(connection, content.id, BlockRun(1, digests(3, seed=3), Assurance.MEMORY), later(2))
    assert contents.block_map(connection, content.id, identity().size_bytes).digests == digests(1, seed=2) + digests(3, seed=3)
    assert contents.extents(connection, content.id) == (
        Extent(0, 1, later(1), Assurance.DISK),
        Extent(1, 4, later(2), Assurance.MEMORY),
    )


def test_a_first_read_that_another_worker_began_anew_has_no_block_twice(connection: Connection) -> None:
    content = contents.ensure(connection, identity())
    for first, count, seed in ((0, 2, 1), (2, 1, 2), (0, 1, 3), (1, 3, 4)):
        contents.add_run(connection, content.id, BlockRun(first, digests(count, seed=seed), Assurance.DISK), NOW)
    assert contents.block_map(connection, content.id, identity().size_bytes).digests == digests(1, seed=3) + digests(3, seed=4)


def test_only_a_complete_content_is_whole(connection: Connection) -> None:
    content = contents.ensure(connection, identity())
    assert not content.is_whole
    contents.complete(connection, content.id, sha256="cd" * 32, format_name="safetensors", packed_header=b"z", all_zero=True)
    whole = contents.get(connection, content.id)
    assert whole is not None
    assert (whole.is_whole, whole.sha256, whole.format, whole.packed_header) == (True, "cd" * 32, "safetensors", b"z")
    assert whole.is_all_zero
    assert contents.packed_header(connection, content.id) == b"z"


def test_an_incomplete_block_map_is_refused(connection: Connection) -> None:
    content = contents.ensure(connection, identity())
    contents.add_run(connection, content.id, BlockRun(0, digests(3), Assurance.DISK), NOW)
    with pytest.raises(ValueError, match="exactly one digest for each block"):
        contents.block_map(connection, content.id, identity().size_bytes)


def test_what_is_reset_is_read_anew_but_not_taken_from_others(connection: Connection) -> None:
    """One path's rotten content may be another path's baseline: `trust` of the one must not launder the other."""
    content = add_whole(connection, identity())
    other = add_path(connection, b"other")
    paths.expect_content(connection, other, content, at=NOW)
    contents.begin_scrub(connection, content.id, NOW)
    contents.reset(connection, content.id)
    fresh = contents.ensure(connection, identity())
    assert fresh.id != content.id
    assert not fresh.is_whole
    assert contents.block_map(connection, content.id, identity().size_bytes).digests == digests(4)
    expected = paths.expected(connection, other)
    assert expected is not None
    assert expected.content_id == content.id
    contents.forget_unused(connection)
    assert contents.get(connection, content.id) is not None


@pytest.mark.parametrize("use", ["judged", "expected", "being read"])
def test_what_is_used_is_not_forgotten(connection: Connection, use: str) -> None:
    content, unused = add_whole(connection, identity()), add_whole(connection, identity(inode=8))
    path_id = add_path(connection, b"a")
    if use == "judged":
        paths.judged(connection, path_id, content_id=content.id, mode=None, at=NOW)
    elif use == "expected":
        paths.expect_content(connection, path_id, content, at=NOW)
    else:
        paths.begin_reading(connection, path_id, content.id)
    contents.forget_unused(connection)
    assert contents.get(connection, content.id) is not None
    assert contents.get(connection, unused.id) is None
    assert connection.execute("SELECT count(*) FROM block_run").fetchone() == (1,)
    paths.forget(connection, path_id)
    contents.forget_unused(connection)
    assert connection.execute("SELECT count(*) FROM content").fetchone() == (0,)
    assert connection.execute("SELECT (SELECT count(*) FROM extent) + (SELECT count(*) FROM block_run)").fetchone() == (0,)


def test_a_scrub_keeps_its_beginning_until_it_ends(connection: Connection) -> None:
    content = add_whole(connection, identity())
    assert contents.scrub_start(connection, content.id, later(1)) == later(1)
    contents.begin_scrub(connection, content.id, later(1))
    assert contents.scrub_start(connection, content.id, later(9)) == later(1)
    assert contents.scrub_start(connection, content.id, later(9), later(5)) == later(5)
    contents.begin_scrub(connection, content.id, later(5))
    assert contents.scrub_start(connection, content.id, later(9), later(2)) == later(5)
    contents.end_scrub(connection, content.id)
    assert contents.scrub_start(connection, content.id, later(9)) == later(9)
    assert contents.scrub_start(connection, content.id, later(9), later(2)) == later(2)


EXTENTS = st.builds(
    lambda first, length, seconds, how: Extent(first, first + length, later(seconds), how),
    st.integers(0, 20),
    st.integers(1, 10),
    st.integers(-5, 5),
    st.sampled_from(Assurance),
)


@given(st.lists(EXTENTS, max_size=12))
def test_mark_is_cover_on_disk(new: list[Extent]) -> None:
    connection = open_writer(None)
    content = contents.ensure(connection, identity())
    expected: tuple[Extent, ...] = ()
    for extent in new:
        contents.mark(connection, content.id, extent)
        expected = cover(expected, extent)
        assert contents.extents(connection, content.id) == expected
    by_block: dict[int, tuple[datetime, Assurance]] = {}
    for extent in new:
        by_block |= dict.fromkeys(range(extent.first_block, extent.end_block), (extent.verified_at, extent.assurance))
    stored = contents.extents(connection, content.id)
    assert {b: (e.verified_at, e.assurance) for e in stored for b in range(e.first_block, e.end_block)} == by_block
    connection.close()
