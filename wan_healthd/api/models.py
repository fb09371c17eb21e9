"""Models: rows, verdicts, files, corruption, gate; check and trust."""

from __future__ import annotations

from wan_healthd.api.routing import Ask, NoFields
from wan_healthd.wire.answers import SCHEMA, CorruptionAnswer, FilesAnswer, GateAnswer, JobAnswer, ModelAnswer, ModelsAnswer
from wan_healthd.wire.requests import CheckRequest, TrustRequest


async def list_models(ask: Ask[NoFields]) -> ModelsAnswer:
    """A row for each model."""
    return await ask.facade.list_models()


async def get_model(ask: Ask[NoFields]) -> ModelAnswer:
    """The present verdict."""
    return ModelAnswer(SCHEMA, await ask.facade.get_model(ask.target))


async def list_files(ask: Ask[NoFields]) -> FilesAnswer:
    """Every file of a model."""
    return await ask.facade.list_files(ask.target)


async def get_corruption(ask: Ask[NoFields]) -> CorruptionAnswer:
    """What is broken in a model."""
    return CorruptionAnswer(SCHEMA, await ask.facade.get_corruption(ask.target))


async def gate(ask: Ask[NoFields]) -> GateAnswer:
    """Whether the model may be loaded now, and why."""
    return GateAnswer(SCHEMA, await ask.facade.gate(ask.target))


async def check(ask: Ask[CheckRequest]) -> JobAnswer:
    """Begin a check; the job tells how far it is."""
    return JobAnswer(SCHEMA, await ask.facade.start_check(ask.target, full=ask.fields.full))


async def trust(ask: Ask[TrustRequest]) -> ModelAnswer:
    """Accept the present bytes; answers with the verdict that follows."""
    verdict = await ask.facade.trust(ask.target, ask.fields.files, ask.caller, ask.fields.reason)
    return ModelAnswer(SCHEMA, verdict)
