"""The daemon as a whole: status, report, version, and whether it answers."""

from __future__ import annotations

import os

from wan_healthd.api.routing import Ask, NoFields
from wan_healthd.wire.answers import SCHEMA, HealthzAnswer, ReportAnswer, StatusAnswer, VersionAnswer


async def status(ask: Ask[NoFields]) -> StatusAnswer:
    """Everything at a glance."""
    return await ask.facade.status()


async def report(ask: Ask[NoFields]) -> ReportAnswer:
    """All models in detail."""
    return ReportAnswer(SCHEMA, await ask.facade.get_health_report())


async def version(ask: Ask[NoFields]) -> VersionAnswer:
    """Which version runs, as which process."""
    return VersionAnswer(SCHEMA, ask.version, os.getpid())


async def healthz(_ask: Ask[NoFields]) -> HealthzAnswer:
    """That the event loop answers; it asks nobody else on purpose."""
    return HealthzAnswer(SCHEMA, ok=True)
