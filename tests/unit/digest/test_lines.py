"""The line: every chunk through every stage in file order, and an end whatever fails."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_healthd.digest.lines import Line, Station
from wan_healthd.digest.plan import CHUNK_BYTES, Chunks
from wan_healthd.digest.reading import CREWS, SLOTS_A_FILE
from wan_healthd.digest.slots import Slot
from wan_healthd.domain.digests import BLOCK_BYTES
from wan_healthd.domain.extents import ByteRange

SLOTS = [Slot() for _ in range(SLOTS_A_FILE)]
BLOCKS_A_CHUNK = CHUNK_BYTES // BLOCK_BYTES


class Broken(Exception):
    pass


class Watching:
    """A stage that notes what passes, and fails at one chunk."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.seen: list[ByteRange] = []
        self._fails_at = fails_at

    def work(self, slot: Slot) -> None:
        self.seen.append(slot.chunk)
        if self._fails_at is not None and slot.chunk.offset == self._fails_at * CHUNK_BYTES:
            raise Broken


def chunks_of(count: int) -> Chunks:
    return Chunks([(0, count * BLOCKS_A_CHUNK)] if count else [], count * CHUNK_BYTES)


counts = st.integers(0, 40)
threads = st.lists(st.sampled_from(sorted({crew.readers for crew in CREWS.values()})), min_size=0, max_size=3)


@settings(max_examples=40, deadline=None)
@given(counts, threads)
def test_each_stage_sees_every_chunk_and_single_ones_in_order(count: int, several: list[int]) -> None:
    chunks = chunks_of(count)
    stages = [Watching() for _ in (*several, 1, 1)]
    Line(chunks, SLOTS, [Station(stage, n) for stage, n in zip(stages, (*several, 1, 1), strict=True)]).run()
    assert all(sorted(stage.seen) == list(chunks) for stage in stages)
    assert [stages[-2].seen, stages[-1].seen] == [list(chunks)] * 2


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), threads, st.data())
def test_whoever_fails_ends_the_line_and_no_thread_stays(count: int, several: list[int], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, count - 1))
    widths = (*several, 1, 1)
    fails = data.draw(st.integers(0, len(widths) - 1))
    stages = [Watching(at if place == fails else None) for place in range(len(widths))]
    before = threading.active_count()
    with pytest.raises(Broken):
        Line(chunks_of(count), SLOTS, [Station(stage, n) for stage, n in zip(stages, widths, strict=True)]).run()
    assert threading.active_count() == before
    assert ByteRange(at * CHUNK_BYTES, CHUNK_BYTES) not in [chunk for stage in stages[fails + 1 :] for chunk in stage.seen]


def test_every_reader_has_slots_of_its_own() -> None:
    assert all(SLOTS_A_FILE % crew.readers == 0 for crew in CREWS.values())
