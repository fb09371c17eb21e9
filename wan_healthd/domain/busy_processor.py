"""Whether others compute: from the time that all programs have used of the processors, less what we did. Pure arithmetic.

Only time outside the kernel counts. What the kernel does in threads of its own (decryption, checksums, interrupts of the disk)
it does for our reads, too, and nobody can tell for whom: a sweep of an encrypted disk would make way for itself.
"""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.domain.ports import ReadMode

ROOM = 2.0
ROOM_SHARE = 0.4
"""Others compute if they leave less than ROOM processors, or less than this share of a machine that has few. A sweep at full
speed needs one or two; beside one program of one thread it has them, also on two processors, where niceness is enough."""

WINDOW_S = 1.0
"""What is judged. Time is counted in ticks of 10 ms: over a second that errs by a percent of a processor or two."""

MEMORY_S = 3.0

LULL_S = {ReadMode.POLITE: 5.0, ReadMode.IDLE: 15.0}
"""How long there must have been room before reads go on: who computes has pauses of seconds, to load and to save."""


class ProcessorSample(Struct, frozen=True):
    """What programs have used of the processors so far, outside the kernel, at a monotonic time; all in seconds.

    `own_s` is our part of `used_s`; `processors` is how many there are.
    """

    at_s: float
    used_s: float
    own_s: float
    processors: int


class ProcessorSeen(Struct, frozen=True):
    """What is remembered from one sample to the next. `is_busy`: others compute, or did a moment ago."""

    samples: tuple[ProcessorSample, ...] = ()
    busy_at_s: float | None = None
    is_busy: bool = False


def observe(before: ProcessorSeen, sample: ProcessorSample, lull_s: float) -> ProcessorSeen:
    """Take one more sample."""
    known = tuple(old for old in before.samples if 0 < sample.at_s - old.at_s <= MEMORY_S)
    if known and (sample.own_s < known[-1].own_s or sample.used_s < known[-1].used_s):
        known = ()  # another worker, or a machine that slept: counted anew
    others = foreign_processors(known, sample)
    is_crowded = others is not None and sample.processors - others < min(ROOM, ROOM_SHARE * sample.processors)
    busy_at_s = sample.at_s if is_crowded else before.busy_at_s
    return ProcessorSeen((*known, sample), busy_at_s, busy_at_s is not None and sample.at_s - busy_at_s < lull_s)


def foreign_processors(known: tuple[ProcessorSample, ...], sample: ProcessorSample) -> float | None:
    """How many processors others kept busy in the last WINDOW_S or a little longer; None before that is known."""
    past = [old for old in known if sample.at_s - old.at_s >= WINDOW_S]
    if not past:
        return None
    used_s, own_s = sample.used_s - past[-1].used_s, sample.own_s - past[-1].own_s
    return max(0.0, used_s - own_s) / (sample.at_s - past[-1].at_s)
