"""Comparing what was read with what was expected, block by block."""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.domain.digests import BLOCK_BYTES, BLOCK_DIGEST_BYTES, BlockMap
from wan_healthd.domain.extents import ByteRange, merge, ranges_of_blocks


class Comparison(Struct, frozen=True):
    """How two block maps compare.

    Args:
        differing: bytes of the blocks that both have whole and that differ.
        matches: whether both describe the same bytes.
        prefix_matches: for maps of different sizes, whether all blocks that both have whole are equal; None where there is no
            such block, or the sizes are equal.
    """

    differing: tuple[ByteRange, ...]
    matches: bool
    prefix_matches: bool | None = None


def compare(actual: BlockMap, expected: BlockMap) -> Comparison:
    """Compare; only whole blocks can be compared where the sizes differ."""
    if actual.size_bytes == expected.size_bytes:
        differing = actual.differing_blocks(expected)
        return Comparison(ranges_of_blocks(differing, actual.size_bytes), not differing)
    shared = min(actual.size_bytes, expected.size_bytes) // BLOCK_BYTES
    blocks = tuple(block for block in range(shared) if actual.digest_of(block) != expected.digest_of(block))
    return Comparison(ranges_of_blocks(blocks, actual.size_bytes), False, None if shared == 0 else not blocks)


def overlay(base: BlockMap, fresh: dict[int, bytes]) -> BlockMap:
    """`base` with the digests of some blocks (by number) replaced by freshly read ones."""
    digests = bytearray(base.digests)
    for block, digest in fresh.items():
        digests[block * BLOCK_DIGEST_BYTES : (block + 1) * BLOCK_DIGEST_BYTES] = digest
    return BlockMap(base.size_bytes, bytes(digests))


def split_run(first_block: int, digests: bytes) -> dict[int, bytes]:
    """A run's digests by block number."""
    count = len(digests) // BLOCK_DIGEST_BYTES
    return {first_block + i: digests[i * BLOCK_DIGEST_BYTES : (i + 1) * BLOCK_DIGEST_BYTES] for i in range(count)}


def runs_of(blocks: list[int]) -> tuple[tuple[int, int], ...]:
    """Ascending block numbers as half-open runs."""
    runs: list[tuple[int, int]] = []
    for block in blocks:
        if runs and runs[-1][1] == block:
            runs[-1] = (runs[-1][0], block + 1)
        else:
            runs.append((block, block + 1))
    return tuple(runs)


def blocks_of(ranges: tuple[ByteRange, ...]) -> list[int]:
    """Numbers of the blocks that the ranges touch, ascending."""
    whole = merge(ranges)  # without the empty ones, which touch nothing
    return sorted({block for item in whole for block in range(item.offset // BLOCK_BYTES, -(-item.end // BLOCK_BYTES))})
