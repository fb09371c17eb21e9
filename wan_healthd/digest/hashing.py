"""The digests, fed slot by slot."""

from __future__ import annotations

import hashlib
from typing import Protocol

from blake3 import blake3

from wan_healthd.digest.slots import Slot
from wan_healthd.domain.digests import BLOCK_BYTES
from wan_healthd.domain.extents import ByteRange


class Stage(Protocol):
    """One thing that is done to each slot: in file order, unless it is given several threads."""

    def work(self, slot: Slot) -> None:
        """Look at the slot; it may be overwritten afterwards."""


class BlockHasher:
    """BLAKE3 of each block that could be read. Any number of threads may work at once."""

    def work(self, slot: Slot) -> None:
        """See `Stage`."""
        content = slot.content
        for start in range(0, len(content), BLOCK_BYTES):
            data = content[start : start + BLOCK_BYTES]
            block = ByteRange(slot.chunk.offset + start, len(data))
            if slot.is_whole or not slot.lacks(block):
                slot.digests[block.offset // BLOCK_BYTES] = blake3(data).digest()


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
        self._is_whole = self._is_whole and slot.is_whole
        if self._is_whole:
            self._hasher.update(slot.content)

    @property
    def hex_digest(self) -> str | None:
        """The digest so far; None once a part was missing."""
        return self._hasher.hexdigest() if self._is_whole else None
