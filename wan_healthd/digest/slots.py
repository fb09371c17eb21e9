"""Memory to read into: O_DIRECT is only fast into few, large, present pages."""

from __future__ import annotations

import ctypes
import mmap
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from wan_healthd.digest.plan import CHUNK_BYTES
from wan_healthd.domain.digests import Assurance
from wan_healthd.domain.extents import ByteRange

HUGE_PAGE_BYTES = 2 << 20
IDLE_SLOTS = 8
"""Slots kept for the next job (32 MiB); more are given back to the system."""


class Slot:
    """`CHUNK_BYTES` of memory and what was read into it.

    Attributes:
        memory: private anonymous pages, aligned to a huge page and all present.
        chunk: the bytes of the file that it holds.
        holes: parts of `chunk` that could not be read, in file offsets; they are zero in memory.
        assurance: how the rest was read.
    """

    __slots__ = ("assurance", "chunk", "holes", "memory")

    def __init__(self) -> None:
        self.memory = _huge_memory()
        self.chunk = ByteRange(0, 0)
        self.holes: tuple[ByteRange, ...] = ()
        self.assurance = Assurance.MEMORY

    @property
    def content(self) -> memoryview:
        """The bytes of `chunk`."""
        return self.memory[: self.chunk.length]


class SlotPool:
    """Lends slots to jobs; making one costs a millisecond, so a few are kept. Safe to use from several threads."""

    def __init__(self) -> None:
        self._idle: deque[Slot] = deque()

    @contextmanager
    def borrow(self, count: int) -> Iterator[list[Slot]]:
        """`count` slots until the block ends; nobody may use them afterwards."""
        slots = [self._take() for _ in range(count)]
        try:
            yield slots
        finally:
            self._idle.extend(slots[: max(0, IDLE_SLOTS - len(self._idle))])

    def _take(self) -> Slot:
        try:
            return self._idle.pop()
        except IndexError:
            return Slot()


def _huge_memory() -> memoryview:
    """Shared mappings reach half the speed of private ones, scattered small pages a third: hence all this."""
    area = mmap.mmap(-1, CHUNK_BYTES + HUGE_PAGE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    start = -ctypes.addressof(ctypes.c_char.from_buffer(area)) % HUGE_PAGE_BYTES
    with suppress(OSError):  # a kernel without huge pages
        area.madvise(mmap.MADV_HUGEPAGE)
    memory = memoryview(area)[start : start + CHUNK_BYTES]
    for offset in range(0, CHUNK_BYTES, mmap.PAGESIZE):
        memory[offset] = 0
    return memory
