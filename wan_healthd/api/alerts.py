"""Alerts: see, acknowledge, test."""

from __future__ import annotations

from wan_healthd.api.routing import Ask, NoFields
from wan_healthd.domain.errors import AlertNotFound
from wan_healthd.domain.paths import printable
from wan_healthd.wire.answers import SCHEMA, AlertAnswer, AlertsAnswer, AlertTestAnswer
from wan_healthd.wire.requests import AlertsQuery, AlertTestRequest

_MOST_DIGITS = 18
"""Any such number fits 64 bits."""


async def list_alerts(ask: Ask[AlertsQuery]) -> AlertsAnswer:
    """What is open, and what ended lately."""
    return await ask.facade.list_alerts(ask.fields)


async def acknowledge(ask: Ask[NoFields]) -> AlertAnswer:
    """Somebody knows of it."""
    number = ask.target
    if not (number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
        raise AlertNotFound(f"cannot find the alert {printable(number[:50])}: alerts have numbers", "see `healthctl alert`")
    return AlertAnswer(SCHEMA, await ask.facade.acknowledge_alert(int(number), ask.caller))


async def test(ask: Ask[AlertTestRequest]) -> AlertTestAnswer:
    """Send tests to where alerts go."""
    return AlertTestAnswer(SCHEMA, await ask.facade.test_alerts(ask.fields.kind))
