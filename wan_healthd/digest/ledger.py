"""The account of a read: what was read, how, and what was not; and the digests of its blocks, told in file order."""

from __future__ import annotations

import time
from collections.abc import Callable

from wan_healthd.digest.plan import RunBuilder
from wan_healthd.digest.slots import Slot
from wan_healthd.domain.digests import Assurance
from wan_healthd.domain.extents import ByteRange, merge
from wan_healthd.domain.ports import BlockRun

REPORT_INTERVAL_S = 1.0

MAX_GAPS = 1 << 16
"""Bound on the ranges that are kept apart; behind it they flow into one."""


class Gaps:
    """Byte ranges in ascending order, merged, in bounded memory."""

    def __init__(self) -> None:
        self._ranges: list[ByteRange] = []

    def add(self, gap: ByteRange) -> None:
        """Add a range that begins at or behind the end of the last one."""
        if self._ranges and (gap.offset <= self._ranges[-1].end or len(self._ranges) >= MAX_GAPS):
            first = self._ranges.pop().offset
            gap = ByteRange(first, gap.end - first)
        self._ranges.append(gap)

    @property
    def ranges(self) -> tuple[ByteRange, ...]:
        """All of them."""
        return tuple(self._ranges)


class Ledger:
    """The last stage: enters each slot, in file order.

    Attributes:
        bytes_read: bytes that came from the file.
        assurances: how they were read.
        errno_name: the first error of the storage.
    """

    def __init__(self, report: Callable[[BlockRun], None]) -> None:
        self._report = report
        self._runs = RunBuilder()
        self._reported_at = time.monotonic()
        self._unreadable = Gaps()
        self._missing = Gaps()
        self._only_zeros = True
        self.bytes_read = 0
        self.assurances: set[Assurance] = set()
        self.errno_name: str | None = None

    def work(self, slot: Slot) -> None:
        """See `Stage`."""
        self.bytes_read += slot.bytes_read
        self.errno_name = self.errno_name or slot.errno_name
        for gap in slot.unreadable:
            self._unreadable.add(gap)
        if slot.missing is not None:
            self._missing.add(slot.missing)
        if slot.assurance is not None:
            self.assurances.add(slot.assurance)
            self._only_zeros = self._only_zeros and _is_zero(slot.content)
            self._enter_blocks(slot.digests, slot.assurance)

    def finish(self) -> None:
        """Report what is left."""
        self._send(self._runs.flush())

    @property
    def has_ended(self) -> bool:
        """Whether the file ended before what was asked for did."""
        return bool(self._missing.ranges)

    @property
    def all_zero(self) -> bool:
        """Whether bytes were read, and every one was zero."""
        return self._only_zeros and self.bytes_read > 0

    def unreadable(self, size_bytes: int) -> tuple[ByteRange, ...]:
        """What was refused, and what was not given although it is before `size_bytes`, where the file ends."""
        lost = (ByteRange(gap.offset, min(gap.end, size_bytes) - gap.offset) for gap in self._missing.ranges)
        return merge((*self._unreadable.ranges, *lost))

    def _enter_blocks(self, digests: dict[int, bytes], assurance: Assurance) -> None:
        for block, digest in digests.items():
            self._send(self._runs.add(block, digest, assurance))
        if time.monotonic() - self._reported_at >= REPORT_INTERVAL_S:
            self.finish()

    def _send(self, run: BlockRun | None) -> None:
        if run is not None:
            self._reported_at = time.monotonic()
            self._report(run)


def _is_zero(content: memoryview) -> bool:
    """Costs nothing where the first bytes tell, which they do of every file but an unfinished one."""
    return not any(content[:64]) and bytes(content) == bytes(len(content))
