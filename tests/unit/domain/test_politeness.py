"""What sweeps do when others are there, and in which words."""

from __future__ import annotations

import pytest

from wan_healthd.domain.making_way import NAMES, YieldReason, added_up, told
from wan_healthd.domain.politeness import SLOW_BYTES_PER_S, Cause, Stance, WhileGenerating, allowed_rate, strictest
from wan_healthd.domain.ports import ReadMode

MB = 1_000_000
QUIET, GENERATION, GPU, DISK, PROCESSOR = (Cause(reason) for reason in YieldReason)


@pytest.mark.parametrize(
    ("mode", "while_generating", "causes", "expected"),
    [
        (ReadMode.POLITE, WhileGenerating.PAUSE, [], (Stance.GO, None)),
        (ReadMode.POLITE, WhileGenerating.PAUSE, [DISK, PROCESSOR], (Stance.SLOW, DISK)),
        (ReadMode.IDLE, WhileGenerating.PAUSE, [PROCESSOR], (Stance.WAIT, PROCESSOR)),
        (ReadMode.FULL, WhileGenerating.PAUSE, [DISK, PROCESSOR], (Stance.GO, None)),
        # what is set for generations holds in every mode
        (ReadMode.FULL, WhileGenerating.PAUSE, [GENERATION, DISK], (Stance.WAIT, GENERATION)),
        (ReadMode.FULL, WhileGenerating.SLOW, [GPU, DISK], (Stance.SLOW, GPU)),
        (ReadMode.IDLE, WhileGenerating.GO, [GENERATION, GPU], (Stance.GO, None)),
        # who asks for most is told
        (ReadMode.IDLE, WhileGenerating.SLOW, [GENERATION, DISK], (Stance.WAIT, DISK)),
        (ReadMode.POLITE, WhileGenerating.SLOW, [QUIET, GENERATION], (Stance.WAIT, QUIET)),
        (ReadMode.POLITE, WhileGenerating.PAUSE, [GENERATION, GPU], (Stance.WAIT, GENERATION)),
        (ReadMode.POLITE, WhileGenerating.GO, [GENERATION, PROCESSOR], (Stance.SLOW, PROCESSOR)),
    ],
)
def test_who_asks_for_most_is_made_way_for(
    mode: ReadMode, while_generating: WhileGenerating, causes: list[Cause], expected: tuple[Stance, Cause | None]
) -> None:
    assert strictest(causes, mode, while_generating) == expected


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


@pytest.mark.parametrize(
    ("reason", "what", "rate", "until", "expected"),
    [
        ("quiet-hours", "", 0, "07:00", "sweeps wait: quiet hours until 07:00"),
        (
            "generation",
            "uid 1000: Wan2.2-T2V-A14B",
            0,
            "21:05",
            "sweeps wait: a generation runs (uid 1000: Wan2.2-T2V-A14B), until 21:05 at the latest",
        ),
        ("busy-gpu", "NVIDIA H100", 0, None, "sweeps wait: the GPU NVIDIA H100 is busy"),
        ("busy-disk", "", 0, None, "sweeps wait: others use the disk"),
        ("busy-processor", "", 16 * MB, None, "sweeps go on slowly (16.0 MB/s): others use the processor"),
        ("of-a-newer-daemon", "", 0, None, "sweeps wait: of-a-newer-daemon"),
    ],
)
def test_it_is_told_in_plain_words(reason: str, what: str, rate: int, until: str | None, expected: str) -> None:
    assert told(reason, what, rate, until) == expected


def test_what_it_came_to_is_told_in_one_line() -> None:
    assert added_up({"generation": 7300, "busy-disk": 90, "of-a-newer-daemon": 61}) == (
        "since the daemon's start sweeps made way for: generations 2 h, others who used the disk 1 min, of-a-newer-daemon 1 min"
    )
    assert NAMES.keys() == set(YieldReason)
