"""How long a refused commit is tried again before its callers are told."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator

from wan_healthd.domain.backoff import delay_s

FIRST_S, MOST_S = 0.05, 0.5
TRY_FOR_S = 2.0
"""Long enough for a passing lock or a log that is being rotated; short enough for whoever waits for an answer."""


class Patience:
    """Waits between tries, until it is ended: a database that is being closed waits for nobody."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._luck = secrets.SystemRandom()

    def tries(self, *, is_known: bool) -> Iterator[bool]:
        """Yields, after a wait each, as often as it makes sense to try once more.

        Args:
            is_known: whether the last commit failed as well: then one try is enough, or a queue of them would take for ever.
        """
        deadline = time.monotonic() + (0.0 if is_known else TRY_FOR_S)
        attempt = 1
        while time.monotonic() < deadline:
            if self._ended.wait(delay_s(attempt, first_s=FIRST_S, most_s=MOST_S, luck=self._luck.random())):
                return
            attempt += 1
            yield True

    def end(self) -> None:
        """Wait no more."""
        self._ended.set()
