"""What every Clock keeps to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC

import pytest

from tests.fakes.clock import FakeClock
from wan_healthd.domain.ports import Clock
from wan_healthd.host.clock import SystemClock

CLOCKS: list[Callable[[], Clock]] = [SystemClock, FakeClock]


@pytest.fixture(params=CLOCKS)
def clock(request: pytest.FixtureRequest) -> Clock:
    made: Clock = request.param()
    return made


def test_wall_clock_times_are_aware_and_utc(clock: Clock) -> None:
    assert clock.now().tzinfo is UTC


def test_monotonic_seconds_never_go_back(clock: Clock) -> None:
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)


def test_a_fake_clock_moves_only_when_told() -> None:
    clock = FakeClock()
    before, ticks = clock.now(), clock.monotonic()
    clock.advance(90)
    assert (clock.now() - before).total_seconds() == 90
    assert clock.monotonic() - ticks == 90
    clock.jump(-3600)
    assert clock.now() < before
    assert clock.monotonic() - ticks == 90
