"""May a model be loaded now?"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from wan_healthd.domain.findings import Finding
from wan_healthd.domain.verdicts import HealthStatus


class GateCode(StrEnum):
    """Why, in one word; the first two let the model pass, and of the others those from CHANGING on may pass by waiting."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    MISSING = "missing"
    CORRUPTED = "corrupted"
    OUT_OF_REACH = "out-of-reach"
    UNKNOWN = "unknown"
    CHANGING = "changing"
    NOT_READ = "not-read"


class Gate(Struct, frozen=True):
    """The answer.

    Args:
        go: whether it may be loaded.
        code: why, for programs.
        reason: why, in a sentence.
        status: the model's present verdict; what changed since it was made keeps `go` false, whatever the verdict says.
        findings: damage, and what keeps us from knowing; mere advice is left out.
    """

    model_id: str
    go: bool
    code: GateCode
    reason: str
    status: HealthStatus
    findings: tuple[Finding, ...]
