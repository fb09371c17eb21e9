"""Figures of a generation: bounds, and that nothing misspelt is taken."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from wan_healthd.domain.performance import PerformanceMetrics


@pytest.mark.parametrize("figures", [{}, {"quality_score": 1}, {"cpu_usage_percent": 380.0}, {"load_time_seconds": None}])
def test_sound_figures_are_taken(figures: dict[str, Any]) -> None:
    assert isinstance(msgspec.convert(figures, PerformanceMetrics), PerformanceMetrics)


@pytest.mark.parametrize(
    "figures",
    [{"memory_usage_mb": -1}, {"quality_score": 1.01}, {"error_rate": -0.1}, {"vram": 1}, {"throughput_fps": "fast"}],
)
def test_figures_that_cannot_be_are_refused(figures: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(figures, PerformanceMetrics)
