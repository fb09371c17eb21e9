"""Waiting between tries: longer each time, and never in step with others."""

from __future__ import annotations

MOST_DOUBLINGS = 32


def delay_s(attempt: int, *, first_s: float, most_s: float, luck: float) -> float:
    """Seconds to wait before try number `attempt` + 1: exponential with full jitter in the upper half.

    Args:
        attempt: failed tries so far, from 1.
        first_s: the wait after the first failure.
        most_s: the longest wait of all.
        luck: 0 up to 1, drawn by the caller.
    """
    whole = min(most_s, first_s * 2.0 ** min(attempt - 1, MOST_DOUBLINGS))
    return whole * (0.5 + luck / 2)
