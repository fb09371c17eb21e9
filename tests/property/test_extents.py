"""Byte ranges against the set of their bytes."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from wan_healthd.checks.wording import amount, blocks
from wan_healthd.domain.comparison import blocks_of, runs_of
from wan_healthd.domain.digests import BLOCK_BYTES, block_count
from wan_healthd.domain.extents import ByteRange, block_range, merge, ranges_of_blocks, total_bytes

near = st.builds(ByteRange, st.integers(0, 60), st.integers(0, 12))
anywhere = st.builds(ByteRange, st.integers(0, 20 * BLOCK_BYTES), st.integers(0, 3 * BLOCK_BYTES))
sizes = st.integers(0, 9 * BLOCK_BYTES) | st.integers(0, 9).map(lambda count: count * BLOCK_BYTES)


def bytes_in(ranges: tuple[ByteRange, ...] | list[ByteRange]) -> set[int]:
    return {byte for item in ranges for byte in range(item.offset, item.end)}


@given(st.lists(near))
def test_merging_keeps_the_bytes_in_the_fewest_ranges(ranges: list[ByteRange]) -> None:
    merged = merge(ranges)
    assert bytes_in(merged) == bytes_in(ranges)
    assert total_bytes(merged) == len(bytes_in(ranges))
    assert all(left.end < right.offset for left, right in itertools.pairwise(merged))
    assert all(item.length > 0 for item in merged)


@given(st.lists(near))
def test_merging_twice_changes_nothing(ranges: list[ByteRange]) -> None:
    assert merge(merge(ranges)) == merge(ranges)


@given(sizes)
def test_the_blocks_of_a_file_are_its_bytes(size_bytes: int) -> None:
    ranges = [block_range(block, size_bytes) for block in range(block_count(size_bytes))]
    assert merge(ranges) == ((ByteRange(0, size_bytes),) if size_bytes else ())
    assert total_bytes(ranges) == size_bytes


@given(sizes, st.integers(0, 3))
def test_a_block_behind_the_end_has_no_bytes(size_bytes: int, beyond: int) -> None:
    assert block_range(block_count(size_bytes) + beyond, size_bytes).length == 0


@given(st.sets(st.integers(0, 8)), sizes)
def test_blocks_become_ranges_and_come_back(wanted: set[int], size_bytes: int) -> None:
    there = sorted(block for block in wanted if block < block_count(size_bytes))
    assert blocks_of(ranges_of_blocks(wanted, size_bytes)) == there


@given(st.lists(anywhere, max_size=6))
def test_touched_blocks_are_those_that_hold_a_byte(ranges: list[ByteRange]) -> None:
    touched = blocks_of(tuple(ranges))
    first_and_last = [(item.offset // BLOCK_BYTES, (item.end - 1) // BLOCK_BYTES) for item in ranges if item.length]
    expected = {block for first, last in first_and_last for block in range(first, last + 1)}
    assert touched == sorted(expected)


@given(st.sets(st.integers(0, 40)))
def test_runs_hold_the_blocks_and_do_not_touch(wanted: set[int]) -> None:
    runs = runs_of(sorted(wanted))
    assert [block for first, end in runs for block in range(first, end)] == sorted(wanted)
    assert all(left[1] < right[0] for left, right in itertools.pairwise(runs))


@given(st.lists(anywhere.filter(lambda item: item.length > 0), min_size=1, max_size=6).map(merge))
def test_any_damage_can_be_put_into_words(ranges: tuple[ByteRange, ...]) -> None:
    assert amount(ranges).startswith(f"{total_bytes(ranges)} byte")
    named = [int(word) for word in blocks(ranges).split("(")[0].split() if word.isdigit()]
    assert named in ([blocks_of(ranges)[0]], [blocks_of(ranges)[0], blocks_of(ranges)[-1]])
