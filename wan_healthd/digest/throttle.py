"""How fast all paced reads together may be: one token bucket in the worker, and a source that asks it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from wan_healthd.digest.disk_file import Got, Source, Stamp
from wan_healthd.domain.digests import Assurance

BURST_S = 0.25
"""What was not read counts for this long."""

LEAST_WAIT_S = 0.001
LONGEST_WAIT_S = 0.25
"""Then it is asked again: meanwhile the rate may be another one."""


class Throttle:
    """A token bucket that gives credit: whoever finds it not in debt takes what it wants, and those that follow pay for it.

    So a chunk may be larger than what the bucket holds. Safe to use from several threads.

    Args:
        clock: seconds that never jump.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rate: float | None = None
        self._balance = 0.0
        self._at_s = clock()

    def set_rate(self, bytes_per_s: float | None) -> None:
        """From now on; None for no limit, 0 for nothing at all."""
        with self._lock:
            self._refill()
            self._rate = bytes_per_s
            if bytes_per_s is None:
                self._balance = 0.0

    def claim(self, count: int) -> float:
        """0 if `count` bytes may be read now; else after how many seconds to ask again."""
        with self._lock:
            if self._rate is None:
                return 0.0
            self._refill()
            if self._rate <= 0:
                return LONGEST_WAIT_S
            if self._balance < 0:
                return min(max(-self._balance / self._rate, LEAST_WAIT_S), LONGEST_WAIT_S)
            self._balance -= count
            return 0.0

    def _refill(self) -> None:
        now_s = self._clock()
        if self._rate is not None:
            self._balance = min(self._balance + (now_s - self._at_s) * self._rate, self._rate * BURST_S)
        self._at_s = now_s


class PacedSource:
    """A `Source` that reads only as the throttle allows.

    Args:
        wait: called with seconds to wait; what it raises ends the read.
    """

    def __init__(self, source: Source, throttle: Throttle, wait: Callable[[float], None]) -> None:
        self._source = source
        self._throttle = throttle
        self._wait = wait

    @property
    def alignment(self) -> int:
        """See `Source`."""
        return self._source.alignment

    @property
    def assurance(self) -> Assurance:
        """See `Source`."""
        return self._source.assurance

    def stamp(self) -> Stamp:
        """See `Source`."""
        return self._source.stamp()

    def read(self, memory: memoryview, offset: int, length: int) -> Got:
        """See `Source`."""
        while (wait_s := self._throttle.claim(length)) > 0:
            self._wait(wait_s)
        return self._source.read(memory, offset, length)
