"""Events in order."""

from __future__ import annotations

from wan_healthd.api.routing import Ask
from wan_healthd.domain.errors import InvalidRequest
from wan_healthd.wire.answers import EventsAnswer
from wan_healthd.wire.requests import EventsQuery


async def list_events(ask: Ask[EventsQuery]) -> EventsAnswer:
    """Stored events after a number or a time; waits for one if asked to."""
    since_time = ask.fields.since_time
    if since_time is not None and since_time.tzinfo is None:
        raise InvalidRequest("cannot tell when since_time is: it has no time zone", "write it like 2026-01-31T12:00:00Z")
    return await ask.facade.list_events(ask.fields)
