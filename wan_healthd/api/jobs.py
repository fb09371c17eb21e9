"""Long work and timers."""

from __future__ import annotations

from wan_healthd.api.routing import Ask, NoFields
from wan_healthd.domain.errors import JobNotFound
from wan_healthd.domain.paths import printable
from wan_healthd.wire.answers import SCHEMA, JobAnswer, JobsAnswer

_MOST_DIGITS = 18
"""Any such number fits 64 bits."""


async def list_jobs(ask: Ask[NoFields]) -> JobsAnswer:
    """What runs and ran lately, and the timers."""
    return await ask.facade.list_jobs()


async def get_job(ask: Ask[NoFields]) -> JobAnswer:
    """One job by its number."""
    number = ask.target
    if not (number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
        raise JobNotFound(f"cannot find the job {printable(number[:50])}: jobs have numbers", "see `healthctl jobs`")
    return JobAnswer(SCHEMA, await ask.facade.get_job(int(number)))
