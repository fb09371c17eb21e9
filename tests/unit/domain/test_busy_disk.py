"""When others use the disks."""

from __future__ import annotations

from itertools import accumulate

import pytest

from wan_healthd.domain.busy_disk import LULL_S, DiskSample, DiskSeen, observe
from wan_healthd.domain.ports import ReadMode

MB = 1_000_000
TICK_S = 0.1


def judged(lull_s: float, *moves: tuple[int, int]) -> str:
    """B(usy) or f(ree) after each tick; `moves` are MB of the disk and of our own in that tick."""
    seen, told = observe(DiskSeen(), DiskSample(0.0, 0, 0), lull_s), ""
    totals = list(accumulate(moves, lambda sum_, move: (sum_[0] + move[0], sum_[1] + move[1])))
    for tick, (disk, own) in enumerate(totals, 1):
        seen = observe(seen, DiskSample(tick * TICK_S, disk * MB, own * MB), lull_s)
        told += "B" if seen.is_busy else "f"
    return told


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([(100, 100)] * 8, "ffffffff"),
        ([(100, 50)] * 4, "BBBB"),
        # a log file
        ([(101, 100), (100, 100), (101, 100), *[(100, 100)] * 12], "f" * 15),
        # ours count when they are asked for, and are the disk's when they are done
        ([(0, 24), (48, 24), (0, 24), (24, 24), (48, 24)] * 3, "f" * 15),
        ([(0, 24), (60, 24), (0, 24)], "fBB"),
        # no longer after a second without others
        ([(50, 0), *[(1, 1)] * 18], "B" * 14 + "fffff"),
    ],
)
def test_what_others_move_counts(moves: list[tuple[int, int]], expected: str) -> None:
    assert judged(LULL_S[ReadMode.POLITE], *moves) == expected


def test_idle_waits_longer_than_polite() -> None:
    calm = [(0, 0)] * 40
    assert judged(LULL_S[ReadMode.IDLE], (50, 0), *calm) == "B" * 41
    assert judged(LULL_S[ReadMode.POLITE], (50, 0), *calm).endswith("f")


def test_another_worker_counts_from_nothing() -> None:
    assert judged(LULL_S[ReadMode.POLITE], (100, 100), (0, -80), (100, 100)) == "fff"
