"""wan-healthd: the health of WAN2.2 model files.

The facade and the data models are exported lazily (PEP 562): importing the package, as `healthctl` does, must not load the
watcher, the scheduler or SQLite.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from wan_healthd.version import __version__

if TYPE_CHECKING:
    from wan_healthd.domain.findings import Category, Cause, CorruptionType, Finding, Severity
    from wan_healthd.domain.performance import PerformanceHealth, PerformanceMetrics, PerformanceTrend
    from wan_healthd.domain.settings import HealthCheckConfig
    from wan_healthd.domain.verdicts import CorruptionReport, HealthStatus, IntegrityResult, SystemHealthReport
    from wan_healthd.monitor import ModelHealthMonitor, get_model_health_monitor

_HOMES = {
    "Category": "domain.findings",
    "Cause": "domain.findings",
    "CorruptionReport": "domain.verdicts",
    "CorruptionType": "domain.findings",
    "Finding": "domain.findings",
    "HealthCheckConfig": "domain.settings",
    "HealthStatus": "domain.verdicts",
    "IntegrityResult": "domain.verdicts",
    "ModelHealthMonitor": "monitor",
    "PerformanceHealth": "domain.performance",
    "PerformanceMetrics": "domain.performance",
    "PerformanceTrend": "domain.performance",
    "Severity": "domain.findings",
    "SystemHealthReport": "domain.verdicts",
    "get_model_health_monitor": "monitor",
}

__all__ = [
    "Category",
    "Cause",
    "CorruptionReport",
    "CorruptionType",
    "Finding",
    "HealthCheckConfig",
    "HealthStatus",
    "IntegrityResult",
    "ModelHealthMonitor",
    "PerformanceHealth",
    "PerformanceMetrics",
    "PerformanceTrend",
    "Severity",
    "SystemHealthReport",
    "__version__",
    "get_model_health_monitor",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"wan_healthd.{_HOMES[name]}"), name)
