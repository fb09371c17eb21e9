"""From the findings of a model to its verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from wan_healthd.domain.findings import CorruptionType, Finding
from wan_healthd.domain.scoring import score_of, status_of, worst_severity
from wan_healthd.domain.verdicts import CorruptionReport, HealthStatus, IntegrityResult

T = TypeVar("T")


def integrity_result(
    model_id: str,
    findings: Sequence[Finding],
    *,
    nothing_left: bool,
    file_count: int,
    size_bytes: int,
    checksum: str | None,
    checked_at: datetime | None,
) -> IntegrityResult:
    """The verdict; `nothing_left` says that not one weight file of the model is there."""
    status = HealthStatus.MISSING if nothing_left else status_of(findings)
    return IntegrityResult(
        model_id=model_id,
        is_healthy=status is HealthStatus.HEALTHY,
        health_status=status,
        integrity_score=0.0 if nothing_left else score_of(findings),
        issues=tuple(findings),
        corruption_types=corruption_types(findings),
        repair_suggestions=_distinct(finding.suggestion for finding in findings),
        can_auto_repair=False,
        file_count=file_count,
        total_size_mb=round(size_bytes / 1e6, 3),
        checksum=checksum,
        last_checked=checked_at,
    )


def unknown_model(model_id: str, finding: Finding) -> IntegrityResult:
    """The answer for an id that no model has."""
    return integrity_result(model_id, (finding,), nothing_left=True, file_count=0, size_bytes=0, checksum=None, checked_at=None)


def corruption_report(result: IntegrityResult, now: datetime) -> CorruptionReport:
    """What of the verdict is damage."""
    damage = [finding for finding in result.issues if not finding.is_advice]
    return CorruptionReport(
        model_id=result.model_id,
        corruption_detected=bool(damage),
        corruption_types=result.corruption_types,
        affected_files=_distinct(finding.path for finding in damage if finding.path is not None),
        severity=worst_severity(damage),
        repair_possible=False,
        repair_actions=_distinct(finding.suggestion for finding in damage),
        detection_time=min((finding.first_seen for finding in damage if finding.first_seen is not None), default=now),
    )


def corruption_types(findings: Iterable[Finding]) -> tuple[CorruptionType, ...]:
    """The types among the findings, each once, in the order of their first finding."""
    return _distinct(finding.corruption_type for finding in findings if finding.corruption_type is not None)


def _distinct(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
