"""Extents against a table with a row for each block."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from wan_healthd.domain.coverage import Extent, bytes_verified, cover, stale_blocks
from wan_healthd.domain.digests import BLOCK_BYTES, Assurance

BLOCKS = 24
EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
Row = tuple[datetime, Assurance]

times = st.integers(0, 9).map(lambda hours: EPOCH + timedelta(hours=hours))
bounds = st.tuples(st.integers(0, BLOCKS), st.integers(0, BLOCKS)).filter(lambda pair: pair[0] != pair[1]).map(sorted)
extents = st.builds(lambda pair, at, how: Extent(pair[0], pair[1], at, how), bounds, times, st.sampled_from(Assurance))
histories = st.lists(extents, max_size=12)


def laid(history: list[Extent]) -> tuple[Extent, ...]:
    covered: tuple[Extent, ...] = ()
    for extent in history:
        covered = cover(covered, extent)
    return covered


def table_of(history: list[Extent]) -> dict[int, Row]:
    """The oracle: each block keeps the word of the last extent that covered it."""
    return {block: (item.verified_at, item.assurance) for item in history for block in range(item.first_block, item.end_block)}


@given(histories)
def test_each_block_keeps_the_last_word_on_it(history: list[Extent]) -> None:
    assert table_of(list(laid(history))) == table_of(history)


@given(histories)
def test_extents_are_ordered_apart_and_never_empty(history: list[Extent]) -> None:
    covered = laid(history)
    assert all(item.first_block < item.end_block for item in covered)
    assert all(left.end_block <= right.first_block for left, right in itertools.pairwise(covered))


@given(histories, extents)
def test_covering_needs_only_the_extents_that_are_touched(history: list[Extent], new: Extent) -> None:
    """The store hands in no others."""
    covered = laid(history)
    touched = [item for item in covered if item.first_block < new.end_block and item.end_block > new.first_block]
    rest = [item for item in covered if item not in touched]
    assert sorted([*rest, *cover(touched, new)], key=lambda item: item.first_block) == list(cover(covered, new))


@given(histories, st.integers(0, BLOCKS + 3), times)
def test_stale_are_the_blocks_that_nobody_verified_since(history: list[Extent], blocks: int, since: datetime) -> None:
    table = table_of(history)
    expected = [block for block in range(blocks) if block not in table or table[block][0] < since]
    runs = stale_blocks(laid(history), blocks, since)
    assert [block for first, end in runs for block in range(first, end)] == expected
    assert all(first < end for first, end in runs)
    assert all(left[1] < right[0] for left, right in itertools.pairwise(runs))


@given(histories, st.integers(1, BLOCKS), times)
def test_a_scrub_of_what_is_stale_leaves_nothing_stale(history: list[Extent], blocks: int, now: datetime) -> None:
    covered = laid(history)
    for first, end in stale_blocks(covered, blocks, now):
        covered = cover(covered, Extent(first, end, now, Assurance.DISK))
    assert stale_blocks(covered, blocks, now) == ()


@given(histories, st.integers(0, BLOCK_BYTES - 1), st.sampled_from(Assurance))
def test_bytes_are_counted_by_how_they_were_verified(history: list[Extent], short_by: int, assurance: Assurance) -> None:
    table = table_of(history)
    last = max(table, default=0)
    size_bytes = (last + 1) * BLOCK_BYTES - short_by
    expected = sum(BLOCK_BYTES - short_by * (block == last) for block, row in table.items() if row[1] is assurance)
    assert bytes_verified(laid(history), size_bytes, assurance) == expected
