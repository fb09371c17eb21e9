"""How findings speak of bytes."""

from __future__ import annotations

from collections.abc import Sequence

from wan_healthd.domain.digests import BLOCK_BYTES
from wan_healthd.domain.extents import ByteRange, total_bytes

SHOWN_NAME_CHARS = 80
"""A longer tensor name is cut in a sentence; the finding's `tensors` have all of it."""


def amount(ranges: Sequence[ByteRange]) -> str:
    """Such as: 4096 bytes at offset 123; 8192 bytes in 2 places, from offset 123."""
    where = f"at offset {ranges[0].offset}" if len(ranges) == 1 else f"in {len(ranges)} places, from offset {ranges[0].offset}"
    count = total_bytes(ranges)
    return f"{count} {'byte' if count == 1 else 'bytes'} {where}"


def blocks(ranges: Sequence[ByteRange]) -> str:
    """Such as: block 3 (1048576 bytes at offset 3145728)."""
    numbers = sorted({b for r in ranges for b in (r.offset // BLOCK_BYTES, max(r.offset, r.end - 1) // BLOCK_BYTES)})
    named = f"block {numbers[0]}" if len(numbers) == 1 else f"blocks {numbers[0]} to {numbers[-1]}"
    return f"{named} ({amount(ranges)})"


def tensors(names: Sequence[str], total: int, *, in_header: bool) -> str:
    """Such as: , touching tensor a.weight and 3 more; empty if nothing is known to be touched."""
    parts = []
    if in_header:
        parts.append("the header")
    if names:
        more = f" and {total - 1} more" if total > 1 else ""
        name = names[0] if len(names[0]) <= SHOWN_NAME_CHARS else names[0][:SHOWN_NAME_CHARS] + "…"
        parts.append(f"tensor {name}{more}")
    return f", touching {' and '.join(parts)}" if parts else ""
