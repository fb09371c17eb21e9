"""The clock, and the hub."""

from __future__ import annotations

from datetime import datetime, timedelta

from wan_healthd.checks.doctor.cures import drop_in
from wan_healthd.domain.doctor import Diagnosis, idle, ok, problem, warning
from wan_healthd.domain.hub import HubAccess
from wan_healthd.domain.vitals import ClockFacts, HubReach

CLOCK, TOKEN, HUB = "clock", "credentials", "hub"
FIRST_YEAR, LAST_YEAR = 2025, 2100
AHEAD = timedelta(minutes=5)
SYNCHRONISE = "`timedatectl set-ntp true`; `timedatectl status` tells how it stands"


def clock(facts: ClockFacts, newest_event_at: datetime | None) -> Diagnosis:
    """Is it right, as far as can be told?"""
    told = f"{facts.now:%Y-%m-%d %H:%M:%S} UTC"
    if not FIRST_YEAR <= facts.now.year < LAST_YEAR:
        return problem(CLOCK, f"{told} cannot be: ages and schedules are wrong", f"set it; {SYNCHRONISE}")
    if newest_event_at is not None and newest_event_at > facts.now + AHEAD:
        return warning(
            CLOCK, f"{told}, yet the newest event is of {newest_event_at:%Y-%m-%d %H:%M} UTC: it was set back", SYNCHRONISE
        )
    if facts.is_synchronised is None:
        return ok(CLOCK, f"{told}; whether it is synchronised cannot be told from within the service")
    if not facts.is_synchronised:
        return warning(CLOCK, f"{told}, not synchronised with any other", SYNCHRONISE)
    return ok(CLOCK, f"{told}, synchronised ({facts.by} says so)")


def credentials(access: HubAccess | None) -> Diagnosis:
    """The hub's token, which public repositories do not need."""
    if access is None:
        return idle(TOKEN, "the hub is not asked ([hub] lookup = false)")
    if access.token is None:
        return idle(TOKEN, "no HF_TOKEN: public repositories need none, gated ones do (drop-in hub.conf)")
    return ok(TOKEN, "a token for the hub is there; it is held in memory only, and never logged")


def hub(access: HubAccess | None, reach: HubReach | None) -> Diagnosis:
    """Whether the hub can be asked; `reach` None: it was not tried."""
    if access is None:
        return idle(HUB, "not asked ([hub] lookup = false)")
    if access.is_offline:
        return idle(HUB, "not asked (HF_HUB_OFFLINE is set)")
    if reach is None:
        return idle(HUB, f"{access.endpoint} was not tried; `healthctl doctor --network` does")
    if reach.refusal is not None:
        return problem(HUB, f"{reach.host} does not answer: {reach.refusal}", f"see the network; {drop_in('hub')}")
    return ok(HUB, f"{reach.host} answers")
