"""Growing files, as looks show them: what is hashed is whole, in order, and never beyond what was written."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_healthd.digest.growth import MOST_IDLE_S, MOST_REWRITES, GivenUp, Growth, Seen
from wan_healthd.domain.digests import BLOCK_BYTES
from wan_healthd.domain.extents import ByteRange

SIZES = st.integers(0, 6 * BLOCK_BYTES)


@given(st.lists(st.tuples(SIZES, SIZES), max_size=12), SIZES)
def test_whole_blocks_in_order_that_are_there(looks: list[tuple[int, int]], last: int) -> None:
    growth, sizes = Growth(0.0), sorted(size for size, _ in looks)
    for size, (_, hole) in zip(sizes, looks, strict=True):
        stretch = growth.look(Seen(size, size, 1), hole, 0.0)
        assert stretch.offset == growth.done_bytes
        assert stretch.end % BLOCK_BYTES == 0
        assert not stretch.length or stretch.end <= min(size, hole)
        growth.advance(stretch)
    before, last = growth.done_bytes, last + (sizes[-1] if sizes else 0)
    assert growth.finish(Seen(last, 99, 1)) == ByteRange(before, last - before)


@given(st.lists(SIZES, min_size=2, max_size=12))
def test_whatever_shrinks_is_given_up(sizes: list[int]) -> None:
    growth, shrinks = Growth(0.0), any(b < a for a, b in itertools.pairwise(sizes))
    try:
        for size in sizes[:-1]:
            growth.advance(growth.look(Seen(size, size, 1), size, 0.0))
        growth.finish(Seen(sizes[-1], 0, 1))
    except GivenUp:
        assert shrinks
    else:
        assert not shrinks


def test_who_only_appends_is_not_asked_for_holes() -> None:
    growth = Growth(0.0)
    assert growth.may_have_holes(Seen(5, 1, 1, 512)), "it may have been reserved before the first look"
    growth.look(Seen(5, 1, 1, 512), 5, 0.0)
    assert not growth.may_have_holes(Seen(600, 2, 1, 1024))
    assert growth.may_have_holes(Seen(600, 2, 1, 512)), "it takes less than it holds"
    assert growth.may_have_holes(Seen(5, 2, 1, 512)), "it is written to and does not grow"


def test_one_late_time_stamp_is_no_rewrite_but_several_are() -> None:
    growth = Growth(0.0)
    growth.look(Seen(BLOCK_BYTES, 1, 1), BLOCK_BYTES, 0.0)
    for _ in range(3):
        for written in range(2, 1 + MOST_REWRITES):
            growth.look(Seen(BLOCK_BYTES, written, 1), BLOCK_BYTES, 0.0)
        growth.look(Seen(BLOCK_BYTES, MOST_REWRITES, 1), BLOCK_BYTES, 0.0)
    with pytest.raises(GivenUp, match="does not grow"):
        for written in range(90, 91 + MOST_REWRITES):
            growth.look(Seen(BLOCK_BYTES, written, 1), BLOCK_BYTES, 0.0)


def test_what_is_removed_or_grows_no_more_is_given_up() -> None:
    with pytest.raises(GivenUp, match="removed"):
        Growth(0.0).look(Seen(0, 0, 0), 0, 0.0)
    growth = Growth(0.0)
    growth.look(Seen(1, 1, 1), 1, 100.0)
    growth.look(Seen(1, 1, 1), 1, 100.0 + MOST_IDLE_S)
    with pytest.raises(GivenUp, match="grows no more"):
        growth.look(Seen(1, 1, 1), 1, 101.0 + MOST_IDLE_S)
