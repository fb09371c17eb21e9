"""The token bucket, by a clock that the test turns."""

from __future__ import annotations

import pytest

from wan_healthd.digest.throttle import BURST_S, LONGEST_WAIT_S, Throttle

CHUNK = 4 << 20
RATE = 10_000_000


class Time:
    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


def read_for(throttle: Throttle, time: Time, seconds: float, count: int = CHUNK) -> int:
    """Bytes that may be read within that time, if each waits as long as it is told to."""
    end_s, done = time.now_s + seconds, 0
    while time.now_s < end_s:
        wait_s = throttle.claim(count)
        assert 0 <= wait_s <= LONGEST_WAIT_S
        done += 0 if wait_s else count
        time.now_s += wait_s or 1e-4
    return done


@pytest.mark.parametrize("count", [4096, CHUNK])
def test_the_rate_holds_over_time(count: int) -> None:
    time = Time()
    throttle = Throttle(time)
    throttle.set_rate(RATE)
    assert 0.97 * RATE * 20 <= read_for(throttle, time, 20, count) <= RATE * (20 + BURST_S) + CHUNK


def test_without_a_rate_nobody_waits_and_nothing_is_owed_later() -> None:
    time = Time()
    throttle = Throttle(time)
    assert all(throttle.claim(CHUNK) == 0 for _ in range(1000))
    throttle.set_rate(RATE)
    assert throttle.claim(CHUNK) == 0
    assert throttle.claim(CHUNK) > 0
    throttle.set_rate(None)
    assert throttle.claim(CHUNK) == 0


def test_what_was_not_read_is_not_saved_up() -> None:
    time = Time()
    throttle = Throttle(time)
    throttle.set_rate(RATE)
    time.now_s += 3600
    assert read_for(throttle, time, 1) <= RATE * (1 + BURST_S) + CHUNK


def test_nothing_at_all_until_it_is_allowed_again() -> None:
    time = Time()
    throttle = Throttle(time)
    throttle.set_rate(0)
    assert read_for(throttle, time, 3600) == 0
    throttle.set_rate(RATE)
    assert throttle.claim(CHUNK) == 0
