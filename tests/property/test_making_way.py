"""Whatever others do: sweeps never make way for themselves, and never flutter."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wan_healthd.domain import busy_disk, busy_gpu, busy_processor
from wan_healthd.domain.busy_disk import DiskSample, DiskSeen
from wan_healthd.domain.busy_gpu import GpuSeen
from wan_healthd.domain.busy_processor import ProcessorSample, ProcessorSeen
from wan_healthd.domain.long_wait import BREATH_S, LONG_S, News, Wait, observe
from wan_healthd.domain.occupation import GpuLook

steps_s = st.floats(0.05, 1.0)
under_way = st.integers(0, busy_disk.BUSY_BYTES - 1)
"""Bytes that we asked for and have not got yet; what is under way at most is a few reads."""


@given(st.lists(st.tuples(steps_s, st.integers(0, 1 << 30), under_way), max_size=50), st.floats(0.1, 5.0))
def test_our_own_reads_never_make_a_disk_busy(reads: list[tuple[float, int, int]], lull_s: float) -> None:
    seen, at_s, asked = DiskSeen(), 0.0, 0
    for step_s, size_bytes, late in reads:
        at_s, asked = at_s + step_s, asked + size_bytes
        seen = busy_disk.observe(seen, DiskSample(at_s, max(0, asked - late), asked), lull_s)
        assert not seen.is_busy


@given(st.integers(1, 128), st.lists(st.tuples(steps_s, st.floats(0, 1)), max_size=50), st.floats(0, 0.39))
def test_processors_that_have_room_are_never_busy(processors: int, uses: list[tuple[float, float]], foreign: float) -> None:
    """However much we use of what is left."""
    seen, at_s, used_s, own_s = ProcessorSeen(), 0.0, 0.0, 0.0
    for step_s, share in uses:
        others = foreign * processors
        own = share * (processors - others)
        at_s, own_s, used_s = at_s + step_s, own_s + own * step_s, used_s + (own + others) * step_s
        seen = busy_processor.observe(seen, ProcessorSample(at_s, used_s, own_s, processors), 5.0)
        assert not seen.is_busy or processors * 0.61 < busy_processor.ROOM


@given(st.lists(st.integers(0, 100), max_size=200))
def test_what_a_gpu_holds_up_is_held_up_for_half_a_minute_at_least(percents: list[int]) -> None:
    seen, told = GpuSeen(), []
    for at_s, percent in enumerate(percents):
        seen = busy_gpu.observe(seen, float(at_s), [GpuLook("any", percent)])
        told.append(seen.is_busy)
    turns = [at_s for at_s, (before, after) in enumerate(pairwise([False, *told])) if before is not after]
    assert all(end - begin >= busy_gpu.LULL_S for begin, end in zip(turns[::2], turns[1::2], strict=False))
    busy_s = [at_s for at_s, percent in enumerate(percents) if percent >= busy_gpu.BUSY_PERCENT]
    assert not turns or turns[0] in busy_s
    assert all(at_s - end >= busy_gpu.LULL_S for at_s in turns[1::2] for end in [max(b for b in busy_s if b <= at_s)])


@given(st.lists(st.tuples(st.floats(0.1, 30.0), st.booleans()), max_size=200))
def test_long_waits_are_told_once_and_their_end_too(looks: list[tuple[float, bool]]) -> None:
    wait: Wait | None = None
    told: list[News] = []
    now_s, waited_s = 0.0, 0.0
    for step_s, is_waiting in looks:
        now_s += step_s
        wait, news = observe(wait, is_waiting=is_waiting, now_s=now_s)
        waited_s = waited_s if wait is None else wait.length_s
        if news is News.LONG:
            assert is_waiting and waited_s >= LONG_S
        if news is News.OVER:
            assert not is_waiting and waited_s >= LONG_S
        told += [news] if news is not None else []
        assert wait is None or is_waiting or now_s - wait.last_s < BREATH_S
    assert all(news is (News.LONG, News.OVER)[number % 2] for number, news in enumerate(told))
