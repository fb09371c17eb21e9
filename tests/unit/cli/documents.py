"""The JSON document of every command, and its schema: what scripts may rely on."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from wan_healthd.domain.doctor import Diagnosis
from wan_healthd.wire.answers import (
    AlertsAnswer,
    AlertTestAnswer,
    CorruptionAnswer,
    ErrorBody,
    EventsAnswer,
    FilesAnswer,
    GateAnswer,
    JobAnswer,
    JobRow,
    JobsAnswer,
    LogLevelAnswer,
    ModelAnswer,
    ModelsAnswer,
    ReloadAnswer,
    ReportAnswer,
    StatusAnswer,
    SweepsAnswer,
    VersionAnswer,
)
from wan_healthd.wire.generations import GenerationAnswer, GenerationEndAnswer, GenerationsAnswer


class ChecksDocument(Struct, frozen=True):
    """`check`: a job for each check that was begun, and why others were not."""

    schema: int
    jobs: tuple[JobRow, ...]
    errors: tuple[ErrorBody, ...]


class CompletionDocument(Struct, frozen=True):
    """`completion`."""

    schema: int
    shell: str
    script: str


class DoctorDocument(Struct, frozen=True):
    """`doctor`: what the daemon says of itself (`version` null: nothing), after what only the client sees."""

    schema: int
    version: str | None
    diagnoses: tuple[Diagnosis, ...]


class ErrorDocument(Struct, frozen=True):
    """Every command that failed."""

    schema: int
    error: ErrorBody


DOCUMENTS: dict[str, type[Struct]] = {
    "status": StatusAnswer,
    "status MODEL": ModelAnswer,
    "check": ChecksDocument,
    "gate": GateAnswer,
    "report": ReportAnswer,
    "report MODEL": CorruptionAnswer,
    "files": FilesAnswer,
    "events": EventsAnswer,
    "jobs": JobsAnswer,
    "sweep": SweepsAnswer,
    "sweep start": JobAnswer,
    "sweep pause": SweepsAnswer,
    "sweep resume": SweepsAnswer,
    "generation": GenerationsAnswer,
    "generation start": GenerationAnswer,
    "generation renew": GenerationAnswer,
    "generation end": GenerationEndAnswer,
    "alert": AlertsAnswer,
    "alert ack": AlertsAnswer,
    "alert test": AlertTestAnswer,
    "trust": ModelAnswer,
    "models": ModelsAnswer,
    "models forget": ModelAnswer,
    "top": StatusAnswer,
    "log-level": LogLevelAnswer,
    "reload": ReloadAnswer,
    "doctor": DoctorDocument,
    "completion": CompletionDocument,
    "version": VersionAnswer,
}


def schema_of(document: type[Struct]) -> dict[str, Any]:
    """The JSON schema, in which no key is left that it does not name."""
    schema = msgspec.json.schema(document)
    for part in schema["$defs"].values():
        if "properties" in part:
            part["additionalProperties"] = False
    return schema
