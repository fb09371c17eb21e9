"""Which blocks of a file were verified when and how: an ordered set of extents that never overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from wan_healthd.domain.digests import BLOCK_BYTES, Assurance


class Extent(Struct, frozen=True):
    """Blocks `first_block` up to, not including, `end_block`, last verified at `verified_at` with `assurance`."""

    first_block: int
    end_block: int
    verified_at: datetime
    assurance: Assurance


def cover(extents: Iterable[Extent], new: Extent) -> tuple[Extent, ...]:
    """The extents with `new` laid over them: older ones are cut where it covers them."""
    kept: list[Extent] = []
    for old in extents:
        if old.first_block < new.first_block:
            kept.append(Extent(old.first_block, min(old.end_block, new.first_block), old.verified_at, old.assurance))
        if old.end_block > new.end_block:
            kept.append(Extent(max(old.first_block, new.end_block), old.end_block, old.verified_at, old.assurance))
    return tuple(sorted([*kept, new], key=lambda extent: extent.first_block))


def stale_blocks(extents: Sequence[Extent], blocks: int, since: datetime) -> tuple[tuple[int, int], ...]:
    """Half-open runs of the `blocks` blocks of a file that were not verified since `since`, ascending."""
    runs: list[tuple[int, int]] = []
    position = 0
    for extent in extents:
        if extent.verified_at < since or position >= blocks:
            continue
        if extent.first_block > position:
            runs.append((position, min(extent.first_block, blocks)))
        position = max(position, extent.end_block)
    if position < blocks:
        runs.append((position, blocks))
    return tuple(runs)


def bytes_verified(extents: Iterable[Extent], size_bytes: int, assurance: Assurance) -> int:
    """How many bytes of a file of `size_bytes` were verified in just this way."""
    return sum(
        min(extent.end_block * BLOCK_BYTES, size_bytes) - extent.first_block * BLOCK_BYTES
        for extent in extents
        if extent.assurance is assurance
    )
