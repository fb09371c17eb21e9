"""When sweeps make way for others, and by how much."""

from __future__ import annotations

from itertools import accumulate

import pytest

from wan_healthd.domain.politeness import SLOW_BYTES_PER_S, DiskSample, Observation, Stance, allowed_rate, observe
from wan_healthd.domain.ports import ReadMode

MB = 1_000_000
TICK_S = 0.1


def stances(mode: ReadMode, *moves: tuple[int, int]) -> str:
    """What it does after each tick, by the initial letters; `moves` are MB of the disk and of our own in that tick."""
    seen, told = observe(Observation(), DiskSample(0.0, 0, 0), mode), ""
    totals = list(accumulate(moves, lambda sum_, move: (sum_[0] + move[0], sum_[1] + move[1])))
    for tick, (disk, own) in enumerate(totals, 1):
        seen = observe(seen, DiskSample(tick * TICK_S, disk * MB, own * MB), mode)
        told += seen.stance[0]
    return told


@pytest.mark.parametrize(
    ("mode", "moves", "expected"),
    [
        (ReadMode.POLITE, [(100, 100)] * 8, "gggggggg"),
        (ReadMode.FULL, [(100, 0)] * 4, "gggg"),
        (ReadMode.POLITE, [(100, 50)] * 4, "ssss"),
        (ReadMode.IDLE, [(100, 50)] * 4, "wwww"),
        # a log file
        (ReadMode.POLITE, [(101, 100), (100, 100), (101, 100), *[(100, 100)] * 12], "g" * 15),
        # ours count when they are asked for, and are the disk's when they are done
        (ReadMode.POLITE, [(0, 24), (48, 24), (0, 24), (24, 24), (48, 24)] * 3, "g" * 15),
        (ReadMode.POLITE, [(0, 24), (60, 24), (0, 24)], "gss"),
        # no longer after a second without others
        (ReadMode.POLITE, [(50, 0), *[(1, 1)] * 18], "s" * 14 + "ggggg"),
    ],
)
def test_what_others_move_makes_way_for_them(mode: ReadMode, moves: list[tuple[int, int]], expected: str) -> None:
    assert stances(mode, *moves) == expected


def test_idle_waits_longer_than_polite() -> None:
    calm = [(0, 0)] * 40
    assert stances(ReadMode.IDLE, (50, 0), *calm) == "w" * 41
    assert stances(ReadMode.POLITE, (50, 0), *calm).endswith("g")


def test_another_worker_counts_from_nothing() -> None:
    assert stances(ReadMode.POLITE, (100, 100), (0, -80), (100, 100)) == "ggg"


@pytest.mark.parametrize(
    ("stance", "max_rate", "expected"),
    [
        (Stance.GO, None, None),
        (Stance.GO, 5 * MB, 5 * MB),
        (Stance.SLOW, None, SLOW_BYTES_PER_S),
        (Stance.SLOW, 5 * MB, 5 * MB),
        (Stance.SLOW, 900 * MB, SLOW_BYTES_PER_S),
        (Stance.WAIT, None, 0),
        (Stance.WAIT, 5 * MB, 0),
    ],
)
def test_what_may_be_read(stance: Stance, max_rate: int | None, expected: float | None) -> None:
    assert allowed_rate(stance, max_rate) == expected
