"""Who may come, and who has to go for it."""

from __future__ import annotations

import pytest
from msgspec import Struct

from wan_healthd.api.errors import TooManyConnections
from wan_healthd.api.limits import Limits, who_goes, within_descriptors
from wan_healthd.domain.callers import Caller, CallerRole

LIMITS = Limits(connections=3, connections_of_user=2)
NOW = 100.0


class Guest(Struct):
    caller: Caller
    idle_since: float | None


def user(uid: int) -> Caller:
    return Caller(uid, 1, CallerRole.READER)


def guest(uid: int, idle_since: float | None) -> Guest:
    return Guest(user(uid), idle_since)


def test_nobody_goes_while_there_is_room() -> None:
    assert who_goes([guest(1, 0.0), guest(2, 0.0)], user(1), LIMITS, NOW) is None


def test_the_longest_idle_goes() -> None:
    guests = [guest(1, None), guest(2, 20.0), guest(3, 10.0)]
    assert who_goes(guests, user(4), LIMITS, NOW) is guests[2]


def test_a_user_makes_room_by_their_own_connections() -> None:
    guests = [guest(1, 1.0), guest(2, 30.0), guest(2, None)]
    assert who_goes(guests, user(2), LIMITS, NOW) is guests[1]


def test_root_is_bound_by_the_sum_alone() -> None:
    assert who_goes([guest(0, None), guest(0, None)], user(0), LIMITS, NOW) is None


@pytest.mark.parametrize(
    "guests",
    [
        [guest(1, None), guest(2, None), guest(3, None)],
        [guest(1, None), guest(2, NOW - 0.5), guest(3, NOW)],
        [guest(9, None), guest(9, None), guest(1, 0.0)],
    ],
)
def test_who_is_served_or_came_just_now_stays(guests: list[Guest]) -> None:
    with pytest.raises(TooManyConnections):
        who_goes(guests, user(9), LIMITS, NOW)


@pytest.mark.parametrize(("descriptors", "most", "of_user"), [(1024, 512, 128), (256, 64, 64), (1, 1, 1), (-1, 512, 128)])
def test_descriptors_are_left_to_the_daemon(descriptors: int, most: int, of_user: int) -> None:
    limits = within_descriptors(Limits(), descriptors)
    assert (limits.connections, limits.connections_of_user) == (most, of_user)
