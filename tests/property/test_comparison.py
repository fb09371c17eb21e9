"""Comparing block maps against comparing the bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wan_healthd.domain.comparison import blocks_of, compare, overlay, split_run
from wan_healthd.domain.digests import BLOCK_BYTES, BLOCK_DIGEST_BYTES, BlockMap
from wan_healthd.domain.extents import block_range

contents = st.lists(st.integers(1, 3), max_size=7)
tails = st.sampled_from([0, 1, BLOCK_BYTES - 1])


def a_map(content: list[int], tail: int) -> BlockMap:
    """The map of a file whose blocks are told apart by a number; a `tail` is a short last block in their stead."""
    size_bytes = len(content) * BLOCK_BYTES - (BLOCK_BYTES - tail if content and tail else 0)
    return BlockMap(size_bytes, b"".join(bytes([number]) * BLOCK_DIGEST_BYTES for number in content))


maps = st.builds(a_map, contents, tails)


def whole_blocks(block_map: BlockMap) -> list[bytes]:
    return [block_map.digest_of(block) for block in range(block_map.size_bytes // BLOCK_BYTES)]


@given(maps)
def test_a_map_matches_itself(one: BlockMap) -> None:
    found = compare(one, one)
    assert (found.matches, found.differing, found.prefix_matches) == (True, (), None)


@given(maps, maps)
def test_maps_match_exactly_if_they_are_equal(one: BlockMap, other: BlockMap) -> None:
    assert compare(one, other).matches is (one == other)


@given(contents, contents, tails)
def test_at_equal_sizes_each_different_block_is_named(one: list[int], other: list[int], tail: int) -> None:
    count = min(len(one), len(other))
    left, right = a_map(one[:count], tail), a_map(other[:count], tail)
    assert blocks_of(compare(left, right).differing) == [block for block in range(count) if one[block] != other[block]]


@given(maps, maps)
def test_at_different_sizes_only_whole_blocks_count(one: BlockMap, other: BlockMap) -> None:
    if one.size_bytes == other.size_bytes:
        return
    pairs = list(zip(whole_blocks(one), whole_blocks(other), strict=False))
    different = [block for block, (left, right) in enumerate(pairs) if left != right]
    found = compare(one, other)
    assert blocks_of(found.differing) == different
    assert all(item.end <= min(one.size_bytes, other.size_bytes) for item in found.differing)
    assert found.prefix_matches is (None if not pairs else not different)


@given(maps, maps)
def test_comparing_has_no_direction(one: BlockMap, other: BlockMap) -> None:
    assert compare(one, other) == compare(other, one)


@given(contents.filter(bool), tails, st.data())
def test_a_cut_file_is_known_as_the_beginning_of_what_it_was(content: list[int], tail: int, data: st.DataObject) -> None:
    whole = a_map(content, tail)
    kept = data.draw(st.integers(0, len(content) - 1))
    found = compare(a_map(content[:kept], 0), whole)
    assert (found.matches, found.differing) == (False, ())
    assert found.prefix_matches is (True if kept else None)


@given(contents.filter(bool), tails, st.data())
def test_an_overlay_changes_the_given_blocks_and_no_other(content: list[int], tail: int, data: st.DataObject) -> None:
    base = a_map(content, tail)
    fresh = data.draw(st.dictionaries(st.integers(0, len(content) - 1), st.just(bytes(BLOCK_DIGEST_BYTES))))
    found = compare(overlay(base, fresh), base)
    assert blocks_of(found.differing) == sorted(fresh)
    assert total(base, fresh) == sum(item.length for item in found.differing)


def total(base: BlockMap, blocks: dict[int, bytes]) -> int:
    return sum(block_range(block, base.size_bytes).length for block in blocks)


@given(st.integers(0, 1000), st.lists(st.binary(min_size=32, max_size=32), max_size=8))
def test_a_run_is_split_into_its_blocks(first: int, digests: list[bytes]) -> None:
    assert split_run(first, b"".join(digests)) == {first + number: digest for number, digest in enumerate(digests)}
