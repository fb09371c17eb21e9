"""Byte ranges of a file and the blocks that hold them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from wan_healthd.domain.digests import BLOCK_BYTES


class ByteRange(Struct, frozen=True, order=True):
    """`length` bytes from `offset`, both in bytes."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        """First byte behind the range."""
        return self.offset + self.length


def merge(ranges: Iterable[ByteRange]) -> tuple[ByteRange, ...]:
    """The same bytes as the fewest ranges: sorted, disjoint, not adjacent, none empty."""
    merged: list[ByteRange] = []
    for item in sorted(ranges):
        if item.length <= 0:
            continue
        if merged and item.offset <= merged[-1].end:
            last = merged[-1]
            merged[-1] = ByteRange(last.offset, max(last.end, item.end) - last.offset)
        else:
            merged.append(item)
    return tuple(merged)


def block_range(block: int, size_bytes: int) -> ByteRange:
    """The bytes of block number `block` in a file of `size_bytes`; the last block may be short."""
    offset = block * BLOCK_BYTES
    return ByteRange(offset, max(0, min(BLOCK_BYTES, size_bytes - offset)))


def ranges_of_blocks(blocks: Iterable[int], size_bytes: int) -> tuple[ByteRange, ...]:
    """The bytes of the given blocks, merged."""
    return merge(block_range(block, size_bytes) for block in blocks)


def total_bytes(ranges: Iterable[ByteRange]) -> int:
    """Sum of the lengths."""
    return sum(item.length for item in ranges)
