"""The doctor."""

from __future__ import annotations

from wan_healthd.api.routing import Ask
from wan_healthd.wire.doctor import DoctorAnswer, DoctorQuery


async def doctor(ask: Ask[DoctorQuery]) -> DoctorAnswer:
    """What the daemon can and cannot do here, and how that is cured."""
    return await ask.facade.doctor(network=ask.fields.network)
