"""What clients may hold, and who has to go when there is no room. Pure: the server acts on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec
from msgspec import Struct

from wan_healthd.api.dispatch import BODY_TIME_S
from wan_healthd.api.errors import TooManyConnections
from wan_healthd.api.peers import ROOT
from wan_healthd.domain.callers import Caller

IDLE_S = 1.0
"""Who has asked nothing for so long may be sent away: a request that is on its way arrives sooner."""


MOST_WAITING = 128
"""Connections that may wait to be accepted."""

ACCEPTED_AT_ONCE = 16
"""Of those, in one round of the loop. It takes some rounds to turn one away, and until then each holds a descriptor."""


class Limits(Struct, frozen=True):
    """What one client, and all together, may hold. Seconds, counts and bytes.

    Args:
        idle_s: from connecting, or from the last answer, to the end of the next request's head.
        body_s: from there to the end of its body.
        send_s: until the client has taken an answer.
        connections, connections_of_user: open at a time; root is bound only by the first.
        unsent_bytes: of all answers that their clients have not taken yet; a single one may be larger.
    """

    idle_s: float = 15.0
    body_s: float = BODY_TIME_S
    send_s: float = 60.0
    connections: int = 512
    connections_of_user: int = 128
    unsent_bytes: int = 64 << 20


DEFAULT_LIMITS = Limits()


class Guest(Protocol):
    """An open connection."""

    caller: Caller
    idle_since: float | None
    """In seconds of the event loop's clock; None while a request is answered."""


G = TypeVar("G", bound=Guest)


def within_descriptors(limits: Limits, descriptors: int) -> Limits:
    """No more connections than leave the daemon its own share of what it may open (negative: without end).

    Beside them there must be room for those who are let in only to be turned away.
    """
    if descriptors < 0:
        return limits
    most = max(1, min(limits.connections, max(descriptors // 4, descriptors - 4 * MOST_WAITING)))
    return msgspec.structs.replace(limits, connections=most, connections_of_user=min(limits.connections_of_user, most))


def who_goes(guests: Sequence[G], newcomer: Caller, limits: Limits, now: float) -> G | None:
    """The guest that must go so that the newcomer may come, if any: of those who ask nothing, the one longest idle.

    A user who is at the limit makes room by their own connections, never by those of others.

    Raises:
        TooManyConnections: there is no room, and all others are served, or came just now.
    """
    own = [guest for guest in guests if guest.caller.uid == newcomer.uid]
    if newcomer.uid != ROOT and len(own) >= limits.connections_of_user:
        return _longest_idle(own, now)
    return _longest_idle(guests, now) if len(guests) >= limits.connections else None


def _longest_idle(guests: Sequence[G], now: float) -> G:
    idle = [(guest.idle_since, number) for number, guest in enumerate(guests) if guest.idle_since is not None]
    since, number = min(idle, default=(now, 0))
    if now - since < IDLE_S:
        raise TooManyConnections("cannot serve another connection now: too many are open", "try again in a moment")
    return guests[number]
