"""Sweeps of all roots: begin, pause, go on, see."""

from __future__ import annotations

from wan_healthd.api.routing import Ask, NoFields
from wan_healthd.wire.answers import SCHEMA, JobAnswer, SweepsAnswer
from wan_healthd.wire.requests import PauseRequest, SweepRequest


async def list_sweeps(ask: Ask[NoFields]) -> SweepsAnswer:
    """What is under way, and whether it is paused."""
    return await ask.facade.list_sweeps()


async def start(ask: Ask[SweepRequest]) -> JobAnswer:
    """Begin one; the job tells how far it is."""
    return JobAnswer(SCHEMA, await ask.facade.start_sweep(full=ask.fields.full))


async def pause(ask: Ask[PauseRequest]) -> SweepsAnswer:
    """Let none read, also over restarts."""
    return await ask.facade.pause_sweeps(ask.caller, ask.fields.reason)


async def resume(ask: Ask[NoFields]) -> SweepsAnswer:
    """Let them go on."""
    return await ask.facade.resume_sweeps(ask.caller)
