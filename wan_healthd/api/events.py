"""Events in order."""

from __future__ import annotations

from wan_healthd.api.routing import Ask
from wan_healthd.wire.answers import EventsAnswer
from wan_healthd.wire.requests import EventsQuery


async def list_events(ask: Ask[EventsQuery]) -> EventsAnswer:
    """Stored events after a number or a time; waits for one if asked to."""
    return await ask.facade.list_events(ask.fields)
