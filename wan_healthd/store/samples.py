"""Performance samples, as they were handed in."""

from __future__ import annotations

from datetime import datetime

import msgspec

from wan_healthd.domain.performance import PerformanceMetrics
from wan_healthd.store.connection import Connection
from wan_healthd.store.times import to_micros


def add(connection: Connection, model_id: str, metrics: PerformanceMetrics, at: datetime, *, keep_since: datetime) -> None:
    """Keep one generation's metrics; drop the model's samples from before `keep_since`, so that years stay small."""
    connection.execute("DELETE FROM performance_sample WHERE model_id = ? AND at < ?", (model_id, to_micros(keep_since)))
    connection.execute(
        "INSERT INTO performance_sample (model_id, at, body) VALUES (?, ?, ?)",
        (model_id, to_micros(at), msgspec.json.encode(metrics)),
    )
