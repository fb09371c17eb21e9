"""The daemon's own switches: what it logs, and its configuration."""

from __future__ import annotations

from wan_healthd.api.routing import Ask, NoFields
from wan_healthd.wire.answers import SCHEMA, LogLevelAnswer, ReloadAnswer
from wan_healthd.wire.requests import LogLevelRequest


async def set_log_level(ask: Ask[LogLevelRequest]) -> LogLevelAnswer:
    """From which level on the daemon logs, until it is told otherwise or started anew."""
    await ask.facade.set_log_level(ask.fields.level)
    return LogLevelAnswer(SCHEMA, ask.fields.level)


async def reload(ask: Ask[NoFields]) -> ReloadAnswer:
    """Read the configuration, and put it in force soon after; with errors in it, the old one stays in force."""
    return ReloadAnswer(SCHEMA, await ask.facade.reload())
