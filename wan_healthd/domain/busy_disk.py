"""Whether others use the disks: from what these have moved, less what we had them move. Pure arithmetic.

What counts is what others move. The pressure that the kernel tells (PSI, /proc/pressure/io) counts our own waiting too, and
small requests of others (databases on a spinning disk) are for the I/O priority to favour.
"""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.domain.ports import ReadMode

BUSY_BYTES = 4 << 20
WINDOW_S = 0.5
"""The disk is busy if others moved BUSY_BYTES within WINDOW_S: a log file is not enough, one second of copying is."""

MEMORY_S = 2.5
"""Samples that are older say nothing any more."""

LULL_S = {ReadMode.POLITE: 1.0, ReadMode.IDLE: 5.0}
"""How long others must have left the disk alone before reads go on."""


class DiskSample(Struct, frozen=True):
    """What disks have moved so far, and which of it were we; in bytes, at a monotonic time in seconds."""

    at_s: float
    disk_bytes: int
    own_bytes: int


class DiskSeen(Struct, frozen=True):
    """What is remembered from one sample to the next. `is_busy`: others use the disk, or did a moment ago."""

    samples: tuple[DiskSample, ...] = ()
    busy_at_s: float | None = None
    is_busy: bool = False


def observe(before: DiskSeen, sample: DiskSample, lull_s: float) -> DiskSeen:
    """Take one more sample.

    Our reads count as ours when they are asked for, and as the disk's when they are done. So what is left for others falls
    whenever we ask, and rises again: only where it rises above all that it was are others at work.
    """
    known = tuple(old for old in before.samples if 0 <= sample.at_s - old.at_s <= MEMORY_S)
    if known and (sample.own_bytes < known[-1].own_bytes or sample.disk_bytes < known[-1].disk_bytes):
        known = ()  # another worker, or a disk that went away: counted anew
    busy_at_s = sample.at_s if foreign_bytes(known, sample) >= BUSY_BYTES else before.busy_at_s
    return DiskSeen((*known, sample), busy_at_s, busy_at_s is not None and sample.at_s - busy_at_s < lull_s)


def foreign_bytes(known: tuple[DiskSample, ...], sample: DiskSample) -> int:
    """What others certainly moved within the last WINDOW_S; 0 where nothing is known of before."""
    past = [old for old in known if sample.at_s - old.at_s >= WINDOW_S] or list(known[:1])
    return max(0, _of_others(sample) - max(map(_of_others, past))) if past else 0


def _of_others(sample: DiskSample) -> int:
    return sample.disk_bytes - sample.own_bytes
