"""When somebody generates, as far as graphics processors tell."""

from __future__ import annotations

import pytest

from wan_healthd.domain.busy_gpu import GpuSeen, observe
from wan_healthd.domain.occupation import GpuLook


def judged(*percents: int) -> str:
    """B(usy) or f(ree) after each look, one a second."""
    seen, told = GpuSeen(), ""
    for at_s, percent in enumerate(percents):
        seen = observe(seen, float(at_s), [GpuLook("a card for the screen", 3), GpuLook("NVIDIA H100", percent)])
        assert not seen.is_busy or seen.name == "NVIDIA H100"
        told += "B" if seen.is_busy else "f"
    return told


@pytest.mark.parametrize(
    ("percents", "expected"),
    [
        # a sampler, with the gap in which the second expert is loaded, and the time in which the video is written
        ([98, 100, 97, *[0] * 20, 99, 100, *[0] * 29], "f" + "B" * 53),
        # layers that are moved in and out
        ([40, 90, 45, 70, 100, 40], "fffBBB"),
        # it is over half a minute after the last
        ([100, 100, *[10] * 30], "f" + "B" * 30 + "f"),
        # a page that scrolls, again and again; a video that plays
        ([80, 0, 0, 0, 0, 0] * 10, "f" * 60),
        ([35, 40, 30] * 20, "f" * 60),
    ],
)
def test_a_sampler_is_known_and_its_gaps_are_bridged(percents: list[int], expected: str) -> None:
    assert judged(*percents) == expected


def test_a_driver_that_tells_nothing_any_more_ends_it_too() -> None:
    seen = observe(observe(GpuSeen(), 0.0, [GpuLook("A", 100)]), 1.0, [GpuLook("A", 100)])
    assert observe(seen, 20.0, ()).is_busy
    assert not observe(seen, 31.0, ()).is_busy
