"""Generation performance: samples handed in and what is said of them (requirements M3.1, M3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from wan_healthd.domain.errors import InvalidRequest

NotNegative = Annotated[float, Meta(ge=0)]
Fraction = Annotated[float, Meta(ge=0, le=1)]


class PerformanceMetrics(Struct, frozen=True, forbid_unknown_fields=True):
    """One generation; every figure may be missing. `_mb` are 10^6 bytes, `cpu_usage_percent` may exceed 100 on many cores."""

    load_time_seconds: NotNegative | None = None
    generation_time_seconds: NotNegative | None = None
    memory_usage_mb: NotNegative | None = None
    vram_usage_mb: NotNegative | None = None
    cpu_usage_percent: NotNegative | None = None
    throughput_fps: NotNegative | None = None
    quality_score: Fraction | None = None
    error_rate: Fraction | None = None
    timestamp: datetime | None = None


def metrics_of(metrics: PerformanceMetrics | Mapping[str, Any]) -> PerformanceMetrics:
    """One generation's figures, from a mapping of their names to numbers.

    Raises:
        InvalidRequest: a figure has a wrong name or value.
    """
    if isinstance(metrics, PerformanceMetrics):
        return metrics
    try:
        return msgspec.convert(dict(metrics), PerformanceMetrics)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise InvalidRequest(
            f"cannot record the generation: {error}", f"hand in numbers for {', '.join(PerformanceMetrics.__struct_fields__)}"
        ) from error


class PerformanceTrend(StrEnum):
    """Direction of a model's figures over time."""

    IMPROVING = "improving"
    STABLE = "stable"
    DEGRADING = "degrading"
    INSUFFICIENT_DATA = "insufficient_data"


class PerformanceHealth(Struct, frozen=True):
    """What the samples say of a model; `overall_score` is 0..1, `baseline_comparison` maps a metric to current / baseline."""

    model_id: str
    overall_score: float
    performance_trend: PerformanceTrend
    bottlenecks: tuple[str, ...]
    recommendations: tuple[str, ...]
    baseline_comparison: dict[str, float]
    last_assessment: datetime
