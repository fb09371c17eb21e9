"""The one place that reads the clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """The `Clock` port over the kernel's clocks."""

    def now(self) -> datetime:
        """Wall-clock time, aware, UTC; may jump."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since boot without sleep (CLOCK_MONOTONIC), the clock that systemd counts on too."""
        return time.monotonic()
