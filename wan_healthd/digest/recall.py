"""The proof that a file still holds what came in: each block is digested once more, from memory, and must be as it was."""

from __future__ import annotations

import os
from collections.abc import Callable

from wan_healthd.digest.cached_file import CachedFile
from wan_healthd.digest.growth import GivenUp
from wan_healthd.digest.hashing import BlockHasher
from wan_healthd.digest.lines import Line, Station
from wan_healthd.digest.plan import Chunks
from wan_healthd.digest.slots import Slot, SlotPool
from wan_healthd.domain.digests import BLOCK_BYTES, BLOCK_DIGEST_BYTES, block_count

MOST_PROVERS = 4
"""Threads; beyond these the memory is the limit."""


class Recall:
    """A stage: reads from memory again, and digests what the processor has at hand. Gives way to whoever wants to write."""

    def __init__(self, file: CachedFile, is_undisturbed: Callable[[], bool]) -> None:
        self._file = file
        self._is_undisturbed = is_undisturbed
        self._blocks = BlockHasher()

    def work(self, slot: Slot) -> None:
        """See `hashing.Stage`."""
        if not self._is_undisturbed():
            raise GivenUp("somebody wants to write to it")
        if not self._file.fill(slot):
            raise GivenUp("it is not in memory any more")
        self._blocks.work(slot)


class Proof:
    """A stage: what is there is what came in."""

    def __init__(self, digests: bytes) -> None:
        self._digests = digests

    def work(self, slot: Slot) -> None:
        """See `hashing.Stage`."""
        for block, digest in slot.digests.items():
            if digest != self._digests[block * BLOCK_DIGEST_BYTES : (block + 1) * BLOCK_DIGEST_BYTES]:
                raise GivenUp("what had come in was written to again")


def prove(recall: Recall, slots: SlotPool, digests: bytes) -> None:
    """Hold all whole blocks, from the first on, against their `digests`.

    Raises:
        GivenUp: they differ, or cannot be read at once.
        OSError: they cannot be read.
    """
    size_bytes = len(digests) // BLOCK_DIGEST_BYTES * BLOCK_BYTES
    chunks = Chunks(((0, block_count(size_bytes)),) if size_bytes else (), size_bytes)
    provers = min(MOST_PROVERS, len(os.sched_getaffinity(0)))
    with slots.borrow(2 * provers) as borrowed:
        Line(chunks, borrowed, [Station(recall, provers), Station(Proof(digests))]).run()
