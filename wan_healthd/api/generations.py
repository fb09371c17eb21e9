"""Generations that clients announce: begin, renew, end, see."""

from __future__ import annotations

from wan_healthd.api.routing import Ask, NoFields
from wan_healthd.domain.errors import GenerationNotFound
from wan_healthd.domain.paths import printable
from wan_healthd.wire.answers import SCHEMA
from wan_healthd.wire.generations import (
    GenerationAnswer,
    GenerationEndAnswer,
    GenerationRenewal,
    GenerationsAnswer,
    GenerationStart,
)

_MOST_DIGITS = 18
"""Any such number fits 64 bits."""


async def list_generations(ask: Ask[NoFields]) -> GenerationsAnswer:
    """Those for which sweeps make way."""
    return await ask.facade.list_generations()


async def start(ask: Ask[GenerationStart]) -> GenerationAnswer:
    """One begins: sweeps make way until it ends or expires."""
    return GenerationAnswer(SCHEMA, await ask.facade.start_generation(ask.fields, ask.caller))


async def renew(ask: Ask[GenerationRenewal]) -> GenerationAnswer:
    """It goes on, and expires later."""
    number = _number(ask.target)
    return GenerationAnswer(SCHEMA, await ask.facade.renew_generation(number, ask.fields.expires_in_seconds))


async def end(ask: Ask[NoFields]) -> GenerationEndAnswer:
    """It has ended; to say so twice does no harm."""
    return await ask.facade.end_generation(_number(ask.target))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise GenerationNotFound(
            f"cannot find the generation {printable(text[:50])}: generations have numbers", "see `healthctl generation`"
        )
    return int(text)
