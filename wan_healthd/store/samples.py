"""Performance samples, as they were handed in."""

from __future__ import annotations

from datetime import datetime
from sqlite3 import Connection

import msgspec

from wan_healthd.domain.performance import PerformanceMetrics
from wan_healthd.store.times import to_micros


def add(connection: Connection, model_id: str, metrics: PerformanceMetrics, at: datetime) -> None:
    """Keep one generation's metrics."""
    connection.execute(
        "INSERT INTO performance_sample (model_id, at, body) VALUES (?, ?, ?)",
        (model_id, to_micros(at), msgspec.json.encode(metrics)),
    )


def since(connection: Connection, model_id: str, at: datetime) -> tuple[PerformanceMetrics, ...]:
    """The model's samples from `at` on, oldest first."""
    rows = connection.execute(
        "SELECT body FROM performance_sample WHERE model_id = ? AND at >= ? ORDER BY at, id", (model_id, to_micros(at))
    )
    return tuple(msgspec.json.decode(row[0], type=PerformanceMetrics) for row in rows)
