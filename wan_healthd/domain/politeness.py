"""How far sweeps make way for others. Pure.

Who the others are is judged in `busy_disk`, `busy_processor`, `busy_gpu` and `quiet_hours`, or announced (`occupation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from wan_healthd.domain.making_way import YieldReason
from wan_healthd.domain.ports import ReadMode

SLOW_BYTES_PER_S = 16_000_000
"""What a polite sweep reads beside others: so much that also on a disk that is never free 9 TB are read in a week. It takes
half a percent of one processor."""


class Stance(StrEnum):
    """What a sweep does."""

    GO = "go"
    SLOW = "slow"
    WAIT = "wait"


class WhileGenerating(StrEnum):
    """What sweeps do while somebody generates."""

    PAUSE = "pause"
    SLOW = "slow"
    GO = "go"


class Yielding(Struct, frozen=True):
    """That sweeps make way: for what, since when, and until when at the latest where that is known.

    `rate_bytes_per_s` is what they may read all the same; 0: they wait. `what` names who generates, or the graphics processor
    that is busy; empty for other reasons.
    """

    reason: YieldReason
    since: datetime
    until: datetime | None = None
    rate_bytes_per_s: int = 0
    what: str = ""


class MadeWay(Struct, frozen=True):
    """For how long in all sweeps made way, for one reason."""

    reason: YieldReason
    seconds: int


class Cause(Struct, frozen=True):
    """Something to make way for; `what` and `until` as in `Yielding`."""

    reason: YieldReason
    what: str = ""
    until: datetime | None = None


_GENERATING = {WhileGenerating.PAUSE: Stance.WAIT, WhileGenerating.SLOW: Stance.SLOW, WhileGenerating.GO: Stance.GO}
_SHARING = {ReadMode.FULL: Stance.GO, ReadMode.POLITE: Stance.SLOW, ReadMode.IDLE: Stance.WAIT}
_SEVERITY = {Stance.GO: 0, Stance.SLOW: 1, Stance.WAIT: 2}


def stance_for(reason: YieldReason, mode: ReadMode, while_generating: WhileGenerating) -> Stance:
    """What a sweep does about it. Generations have a setting of their own, which holds in every mode."""
    match reason:
        case YieldReason.QUIET_HOURS:
            return Stance.WAIT
        case YieldReason.GENERATION | YieldReason.BUSY_GPU:
            return _GENERATING[while_generating]
        case YieldReason.BUSY_DISK | YieldReason.BUSY_PROCESSOR:
            return _SHARING[mode]


def strictest(
    causes: Sequence[Cause], mode: ReadMode, while_generating: WhileGenerating
) -> tuple[Stance, Cause] | tuple[Stance, None]:
    """What to do, and because of which cause: that which asks for most, and of several such the first."""
    stances = [(stance_for(cause.reason, mode, while_generating), cause) for cause in causes]
    asking = [(stance, cause) for stance, cause in stances if stance is not Stance.GO]
    return max(asking, key=lambda pair: _SEVERITY[pair[0]]) if asking else (Stance.GO, None)


def allowed_rate(stance: Stance, max_rate: int | None) -> float | None:
    """Bytes per second that sweeps may read; None for no limit, 0 for nothing."""
    limits = {Stance.GO: None, Stance.SLOW: SLOW_BYTES_PER_S, Stance.WAIT: 0}
    stated = [limit for limit in (limits[stance], max_rate) if limit is not None]
    return float(min(stated)) if stated else None
