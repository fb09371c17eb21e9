"""From findings to a status and a score: the one formula, stated here and in the README.

Score: 1.0 times, for each file (and once for the model as a whole), one minus the penalty of its worst finding: low 0.05,
medium 0.2, high 0.5, critical 0.8, could not be looked at 0.5. Plain advice costs nothing. A MISSING model scores 0.

Status: MISSING if no weight file is there; else CORRUPTED if a finding is high or critical; else DEGRADED if there is any
finding with a corruption type; else UNKNOWN if something could not be looked at; else HEALTHY.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UnsetType

from wan_healthd.domain.catalogue import MODEL_MISSING, is_undetermined
from wan_healthd.domain.findings import Finding, Severity
from wan_healthd.domain.verdicts import HealthStatus

PENALTY = {Severity.LOW: 0.05, Severity.MEDIUM: 0.2, Severity.HIGH: 0.5, Severity.CRITICAL: 0.8}
UNDETERMINED_PENALTY = 0.5


def status_of(findings: Sequence[Finding]) -> HealthStatus:
    """The status that the findings of one model (or one file) amount to."""
    if any(finding.code == MODEL_MISSING.code for finding in findings):
        return HealthStatus.MISSING
    damage = [finding for finding in findings if not finding.is_advice]
    if any(finding.severity.rank >= Severity.HIGH.rank for finding in damage):
        return HealthStatus.CORRUPTED
    if damage:
        return HealthStatus.DEGRADED
    if any(is_undetermined(finding) for finding in findings):
        return HealthStatus.UNKNOWN
    return HealthStatus.HEALTHY


def penalty_of(finding: Finding) -> float:
    """What one finding takes from its file, 0..1."""
    if not finding.is_advice:
        return PENALTY[finding.severity]
    return UNDETERMINED_PENALTY if is_undetermined(finding) else 0.0


def score_of(findings: Sequence[Finding]) -> float:
    """The integrity score, 0..1, rounded to four digits so that it prints and compares well."""
    if status_of(findings) is HealthStatus.MISSING:
        return 0.0
    worst: dict[tuple[str | None, str | UnsetType], float] = {}
    for finding in findings:
        file = (finding.path, finding.path_b64)  # two names that are not UTF-8 may look the same
        worst[file] = max(worst.get(file, 0.0), penalty_of(finding))
    score = 1.0
    for penalty in worst.values():
        score *= 1.0 - penalty
    return round(score, 4)


def worst_severity(findings: Sequence[Finding]) -> Severity | None:
    """The gravest severity among real damage; None where there is none."""
    return max((item.severity for item in findings if not item.is_advice), key=lambda s: s.rank, default=None)


def overall_score(scores: Sequence[float]) -> float:
    """The mean of the models' scores, 0..1, rounded like each of them; 1.0 where there are none."""
    return round(sum(scores) / len(scores), 4) if scores else 1.0
