"""How sweeps make way for others: from samples of the disk to go on, slow down, or wait. Pure arithmetic.

What counts is what others move. The pressure that the kernel tells (PSI) counts our own waiting too, and small requests of
others (databases on a spinning disk) are for the I/O priority to favour.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from wan_healthd.domain.ports import ReadMode

BUSY_BYTES = 4 << 20
WINDOW_S = 0.5
"""The disk is busy if others moved BUSY_BYTES within WINDOW_S: a log file is not enough, one second of copying is."""

MEMORY_S = 2.5
"""Samples that are older say nothing any more."""

LULL_S = {ReadMode.POLITE: 1.0, ReadMode.IDLE: 5.0}
"""How long others must have left the disk alone before reads go on."""

SLOW_BYTES_PER_S = 16_000_000
"""What a polite sweep reads beside others: so much that also on a disk that is never free 9 TB are read in a week."""


class DiskSample(Struct, frozen=True):
    """What disks have moved so far, and which of it were we; in bytes, at a monotonic time in seconds."""

    at_s: float
    disk_bytes: int
    own_bytes: int


class Stance(StrEnum):
    """What a sweep does."""

    GO = "go"
    SLOW = "slow"
    WAIT = "wait"


class Observation(Struct, frozen=True):
    """What is remembered from one sample to the next."""

    samples: tuple[DiskSample, ...] = ()
    busy_at_s: float | None = None
    stance: Stance = Stance.GO


def observe(before: Observation, sample: DiskSample, mode: ReadMode) -> Observation:
    """Take one more sample.

    Our reads count as ours when they are asked for, and as the disk's when they are done. So what is left for others falls
    whenever we ask, and rises again: only where it rises above all that it was are others at work.
    """
    if mode is ReadMode.FULL:
        return Observation()
    known = tuple(old for old in before.samples if 0 <= sample.at_s - old.at_s <= MEMORY_S)
    if known and (sample.own_bytes < known[-1].own_bytes or sample.disk_bytes < known[-1].disk_bytes):
        known = ()  # another worker, or a disk that went away: counted anew
    is_busy = foreign_bytes(known, sample) >= BUSY_BYTES
    busy_at_s = sample.at_s if is_busy else before.busy_at_s
    makes_way = busy_at_s is not None and sample.at_s - busy_at_s < LULL_S[mode]
    stance = Stance.GO if not makes_way else Stance.SLOW if mode is ReadMode.POLITE else Stance.WAIT
    return Observation((*known, sample), busy_at_s, stance)


def foreign_bytes(known: tuple[DiskSample, ...], sample: DiskSample) -> int:
    """What others certainly moved within the last WINDOW_S; 0 where nothing is known of before."""
    past = [old for old in known if sample.at_s - old.at_s >= WINDOW_S] or list(known[:1])
    return max(0, _of_others(sample) - max(map(_of_others, past))) if past else 0


def allowed_rate(stance: Stance, max_rate: int | None) -> float | None:
    """Bytes per second that sweeps may read; None for no limit, 0 for nothing."""
    limits = {Stance.GO: None, Stance.SLOW: SLOW_BYTES_PER_S, Stance.WAIT: 0}
    stated = [limit for limit in (limits[stance], max_rate) if limit is not None]
    return float(min(stated)) if stated else None


class YieldReason(StrEnum):
    """What sweeps make way for."""

    QUIET_HOURS = "quiet-hours"
    BUSY_DISK = "busy-disk"


class Yielding(Struct, frozen=True):
    """That sweeps make way: for what, since when, and until when where that is known.

    `rate_bytes_per_s` is what they may read all the same; 0: they wait.
    """

    reason: YieldReason
    since: datetime
    until: datetime | None = None
    rate_bytes_per_s: int = 0


def _of_others(sample: DiskSample) -> int:
    return sample.disk_bytes - sample.own_bytes
