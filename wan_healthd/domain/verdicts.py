"""What is said of a whole model."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from wan_healthd.domain.findings import CorruptionType, Finding, Severity


class HealthStatus(StrEnum):
    """Requirement M1.5."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    CORRUPTED = "corrupted"
    MISSING = "missing"
    UNKNOWN = "unknown"


class IntegrityResult(Struct, frozen=True):
    """The verdict on one model (requirement M1.4).

    Args:
        integrity_score: 0..1, see `domain.scoring`.
        total_size_mb: 10^6 bytes.
        checksum: SHA-256 over the files' content digests in the order of their paths; None until every file was read.
        last_checked: UTC; None where nothing was ever checked.
    """

    model_id: str
    is_healthy: bool
    health_status: HealthStatus
    integrity_score: float
    issues: tuple[Finding, ...]
    corruption_types: tuple[CorruptionType, ...]
    repair_suggestions: tuple[str, ...]
    can_auto_repair: bool
    file_count: int
    total_size_mb: float
    checksum: str | None
    last_checked: datetime | None


class CorruptionReport(Struct, frozen=True):
    """What is broken in one model (requirement M2.2); `severity` is None where nothing is.

    `repair_actions` says in words what would mend it; `repair_possible` is true only where the daemon itself can.
    """

    model_id: str
    corruption_detected: bool
    corruption_types: tuple[CorruptionType, ...]
    affected_files: tuple[str, ...]
    severity: Severity | None
    repair_possible: bool
    repair_actions: tuple[str, ...]
    detection_time: datetime


class SystemHealthReport(Struct, frozen=True):
    """All models at once (requirement M7.1).

    Args:
        overall_health_score: 0..1, mean of the models' integrity scores; 1.0 where there are none.
        storage_usage_percent: 0..100, of the fullest file system that holds a root; None where it could not be read.
    """

    overall_health_score: float
    models_healthy: int
    models_degraded: int
    models_corrupted: int
    models_missing: int
    models_unknown: int
    storage_usage_percent: float | None
    recommendations: tuple[str, ...]
    detailed_reports: tuple[IntegrityResult, ...]
    last_updated: datetime
