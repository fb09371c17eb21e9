"""The digests, fed slot by slot."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Protocol

from blake3 import blake3

from wan_healthd.digest.plan import RunBuilder
from wan_healthd.digest.slots import Slot
from wan_healthd.domain.digests import BLOCK_BYTES
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import BlockRun

REPORT_INTERVAL_S = 1.0


class Stage(Protocol):
    """One thing that is done to each slot, in file order."""

    def work(self, slot: Slot) -> None:
        """Look at the slot; it may be overwritten afterwards."""


class BlockHasher:
    """BLAKE3 of each block that could be read, reported in runs."""

    def __init__(self, report: Callable[[BlockRun], None]) -> None:
        self._report = report
        self._runs = RunBuilder()
        self._reported_at = time.monotonic()

    def work(self, slot: Slot) -> None:
        """See `Stage`."""
        content = slot.content
        for start in range(0, len(content), BLOCK_BYTES):
            data = content[start : start + BLOCK_BYTES]
            block = ByteRange(slot.chunk.offset + start, len(data))
            if not _touches_hole(block, slot):
                self._send(self._runs.add(block.offset // BLOCK_BYTES, blake3(data).digest(), slot.assurance))
        if time.monotonic() - self._reported_at >= REPORT_INTERVAL_S:
            self.finish()

    def finish(self) -> None:
        """Report what is left."""
        self._send(self._runs.flush())

    def _send(self, run: BlockRun | None) -> None:
        if run is not None:
            self._reported_at = time.monotonic()
            self._report(run)


class Hash(Protocol):
    """What `hashlib` makes."""

    def update(self, data: memoryview, /) -> None:
        """Take in the next bytes."""

    def hexdigest(self) -> str:
        """The digest so far."""


def sha256() -> Hash:
    """SHA-256 of the content."""
    return hashlib.sha256(usedforsecurity=False)


def git_sha1(size_bytes: int) -> Hash:
    """SHA-1 of the git blob that holds a content of `size_bytes`, of which the content is still to come."""
    return hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False)


class WholeHasher:
    """One digest of everything, if everything could be read."""

    def __init__(self, hasher: Hash) -> None:
        self._hasher = hasher
        self._is_whole = True

    def work(self, slot: Slot) -> None:
        """See `Stage`."""
        if slot.holes:
            self._is_whole = False
        if self._is_whole:
            self._hasher.update(slot.content)

    @property
    def hex_digest(self) -> str | None:
        """The digest so far; None once a part was missing."""
        return self._hasher.hexdigest() if self._is_whole else None


class ZeroWatch:
    """Whether everything so far is zero; costs nothing once anything is not."""

    def __init__(self) -> None:
        self.all_zero = True

    def look(self, slot: Slot) -> None:
        """Take in what was read."""
        if self.all_zero:
            content = slot.content
            self.all_zero = not any(content[:64]) and bytes(content) == bytes(len(content))


def _touches_hole(block: ByteRange, slot: Slot) -> bool:
    return any(hole.offset < block.end and block.offset < hole.end for hole in slot.holes)
