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
IDLE_SLOTS = 12
"""Slots kept for the next jobs (24 MiB: two files); more are given back to the system."""


class Slot:
    """`CHUNK_BYTES` of memory, what was read into it, and what was made of that.

    Attributes:
        memory: private anonymous pages, aligned to a huge page and all present.
        chunk: the bytes of the file that it holds.
        bytes_read: how many of them came from the file.
        assurance: how these were read, at worst; None if there are none.
        unreadable: parts of `chunk` that the storage refused, in file offsets, ascending.
        missing: the part of `chunk` behind the end of the file.
        errno_name: the first error of the storage.
        digests: of the blocks that could be read, by number.
    """

    __slots__ = ("assurance", "bytes_read", "chunk", "digests", "errno_name", "memory", "missing", "unreadable")

    def __init__(self) -> None:
        self.memory = _huge_memory()
        self.begin(ByteRange(0, 0))

    def begin(self, chunk: ByteRange) -> None:
        """Forget the last chunk: this one is to be read next."""
        self.chunk = chunk
        self.bytes_read = 0
        self.assurance: Assurance | None = None
        self.unreadable: list[ByteRange] = []
        self.missing: ByteRange | None = None
        self.errno_name: str | None = None
        self.digests: dict[int, bytes] = {}

    @property
    def is_whole(self) -> bool:
        """Whether every byte of `chunk` was read."""
        return not self.unreadable and self.missing is None

    def lacks(self, part: ByteRange) -> bool:
        """Whether a byte of `part`, in file offsets, could not be read; it is zero in memory, or nothing at all."""
        holes = self.unreadable if self.missing is None else (*self.unreadable, self.missing)
        return any(hole.offset < part.end and part.offset < hole.end for hole in holes)

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
