"""The trigger under clocks that jump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from wan_healthd.host.interval import Interval

HOUR = timedelta(hours=1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_the_next_time_keeps_in_step() -> None:
    assert Interval(HOUR).get_next_fire_time(NOON, NOON + timedelta(minutes=5)) == NOON + HOUR
    assert Interval(HOUR).get_next_fire_time(NOON, NOON + HOUR) == NOON + 2 * HOUR


def test_a_jump_over_half_a_century_is_one_step() -> None:
    before = datetime(1970, 1, 1, tzinfo=UTC)
    second = timedelta(seconds=1)
    assert Interval(second).get_next_fire_time(before, NOON) == NOON + second


def test_a_jump_back_puts_nothing_off_by_more_than_the_interval() -> None:
    interval = Interval(HOUR)
    interval.get_next_fire_time(NOON, NOON)
    a_year_ago = NOON - timedelta(days=365)
    assert interval.not_put_off(NOON + HOUR, a_year_ago) == a_year_ago + HOUR
    assert interval.not_put_off(NOON + HOUR, NOON) == NOON + HOUR


def test_the_first_time_stands_however_far_it_is() -> None:
    assert Interval(HOUR).not_put_off(NOON, NOON - timedelta(days=365)) == NOON
