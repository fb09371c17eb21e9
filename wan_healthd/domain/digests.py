"""Digests and block maps: what identifies bytes."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

BLOCK_BYTES = 1 << 20
"""Size of one block of a block map, in bytes. Part of the algorithm's name: another size is another algorithm."""

BLOCK_DIGEST_BYTES = 32
"""Length of one BLAKE3 block digest, in bytes."""


class Algorithm(StrEnum):
    """A digest algorithm; the name holds every parameter that changes the value."""

    SHA256 = "sha256"
    BLAKE3_1M = "blake3-1m"
    GIT_SHA1 = "git-sha1"
    """As git names a blob: SHA-1 over `blob SIZE`, a zero byte, and the content (gitformat-object)."""


class Assurance(StrEnum):
    """How a byte was verified; only `DISK` proves what the disk holds."""

    DISK = "disk"
    MEMORY = "memory"
    UNPROVEN = "unproven"
    AS_RECEIVED = "as-received"


ASSURANCE_ORDER = (Assurance.DISK, Assurance.AS_RECEIVED, Assurance.UNPROVEN, Assurance.MEMORY)
"""Best proof first."""


def weakest(assurances: frozenset[Assurance]) -> Assurance | None:
    """The assurance that may be claimed for a whole whose parts were verified as given; None for no parts."""
    return max(assurances, key=ASSURANCE_ORDER.index, default=None)


def block_count(size_bytes: int) -> int:
    """Number of blocks of a file of `size_bytes`; the last one may be short, an empty file has none."""
    return -(-size_bytes // BLOCK_BYTES)


class BlockMap(Struct, frozen=True):
    """BLAKE3 digests of a file's consecutive blocks.

    Args:
        size_bytes: length of the file.
        digests: `block_count(size_bytes)` digests of `BLOCK_DIGEST_BYTES` each, in file order, without separators.
    """

    size_bytes: int
    digests: bytes

    def __post_init__(self) -> None:
        if len(self.digests) != block_count(self.size_bytes) * BLOCK_DIGEST_BYTES:
            raise ValueError("a block map needs exactly one digest for each block of the file")

    def digest_of(self, block: int) -> bytes:
        """The digest of block number `block` (from 0)."""
        return self.digests[block * BLOCK_DIGEST_BYTES : (block + 1) * BLOCK_DIGEST_BYTES]

    def differing_blocks(self, other: BlockMap) -> tuple[int, ...]:
        """Numbers of the blocks that both maps have and that differ, ascending.

        The short last block of one map differs from the longer block of the other unless the bytes are equal.
        """
        shared = min(len(self.digests), len(other.digests)) // BLOCK_DIGEST_BYTES
        if self.digests[: shared * BLOCK_DIGEST_BYTES] == other.digests[: shared * BLOCK_DIGEST_BYTES]:
            return ()
        return tuple(block for block in range(shared) if self.digest_of(block) != other.digest_of(block))
