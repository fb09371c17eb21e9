"""When others compute."""

from __future__ import annotations

import pytest

from wan_healthd.domain.busy_processor import ProcessorSample, ProcessorSeen, observe

TICK_S = 0.5


def judged(processors: int, *others: float, own: float = 0.0, lull_s: float = 5.0) -> str:
    """B(usy) or f(ree) after each tick, of which in each `others` processors were kept busy by others, and `own` by us."""
    used_s, own_s = 100.0, 50.0
    seen, told = observe(ProcessorSeen(), ProcessorSample(0.0, used_s, own_s, processors), lull_s), ""
    for tick, foreign in enumerate(others, 1):
        own_s += own * TICK_S
        used_s += (own + foreign) * TICK_S
        seen = observe(seen, ProcessorSample(tick * TICK_S, used_s, own_s, processors), lull_s)
        told += "B" if seen.is_busy else "f"
    return told


@pytest.mark.parametrize(
    ("processors", "foreign", "is_busy"),
    [
        (1, 0.5, False),
        (1, 0.7, True),
        (2, 1.0, False),
        (2, 1.9, True),
        (8, 5.5, False),
        (8, 6.5, True),
        (64, 61.0, False),
        (64, 63.5, True),
    ],
)
def test_others_compute_if_they_leave_too_little_for_a_sweep(processors: int, foreign: float, is_busy: bool) -> None:
    assert judged(processors, *[foreign] * 4) == ("fBBB" if is_busy else "ffff")


def test_what_we_use_ourselves_does_not_count() -> None:
    assert judged(2, *[0.0] * 6, own=1.9) == "ffffff"
    assert judged(2, *[1.0] * 6, own=1.0) == "ffffff"


def test_pauses_of_who_computes_are_no_end() -> None:
    assert judged(2, *[2.0] * 4, *[0.0] * 8, *[2.0] * 2) == "f" + "B" * 13
    assert judged(2, *[2.0] * 4, *[0.0] * 14) == "f" + "B" * 12 + "f" * 5


def test_another_worker_counts_from_nothing() -> None:
    before = observe(ProcessorSeen(), ProcessorSample(0.0, 100.0, 50.0, 2), 5.0)
    replaced = observe(before, ProcessorSample(1.0, 102.0, 1.0, 2), 5.0)
    assert not replaced.is_busy, "what the last one had used is not what others use"
    assert not observe(replaced, ProcessorSample(2.0, 103.0, 2.0, 2), 5.0).is_busy
    assert observe(replaced, ProcessorSample(2.0, 104.0, 1.0, 2), 5.0).is_busy
