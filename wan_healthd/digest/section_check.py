"""The CRC-32 that parts of a file carry themselves, checked on the way: damage is found where no digest is known."""

from __future__ import annotations

import zlib
from itertools import pairwise
from typing import Protocol

from wan_healthd.digest.slots import Slot
from wan_healthd.domain.evidence import Section
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import ReadRequest

INPUT_STEP_BYTES = 16 << 10
OUTPUT_STEP_BYTES = 256 << 10
"""Most that is inflated at once; with small inputs, so that what is not yet inflated is seldom moved."""


class Sum(Protocol):
    """Takes in the stored bytes of one section, piece by piece."""

    def feed(self, data: memoryview) -> None:
        """Take in the next bytes; they may be overwritten afterwards."""

    @property
    def is_right(self) -> bool:
        """Whether the bytes so far are the whole section, unharmed."""


class StoredSum:
    """Of bytes as they are."""

    def __init__(self, section: Section) -> None:
        self._expected = section.crc32
        self._crc32 = 0

    def feed(self, data: memoryview) -> None:
        """See `Sum`."""
        self._crc32 = zlib.crc32(data, self._crc32)

    @property
    def is_right(self) -> bool:
        """See `Sum`."""
        return self._crc32 == self._expected


class InflatedSum:
    """Of bytes that must be inflated first: a little at a time, and never more than the section says."""

    def __init__(self, section: Section) -> None:
        self._expected = section.crc32
        self._left = section.size_bytes
        self._crc32 = 0
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._is_broken = False

    def feed(self, data: memoryview) -> None:
        """See `Sum`."""
        for start in range(0, len(data), INPUT_STEP_BYTES):
            if self._is_broken:
                return
            try:
                self._inflate(data[start : start + INPUT_STEP_BYTES])
            except zlib.error:
                self._is_broken = True

    @property
    def is_right(self) -> bool:
        """See `Sum`."""
        return self._inflater.eof and not self._is_broken and not self._left and self._crc32 == self._expected

    def _inflate(self, data: memoryview) -> None:
        if self._inflater.eof:
            self._is_broken = True  # bytes behind the end of the stream
        rest: memoryview | bytes = data
        may_be_more = True
        while may_be_more and not self._is_broken:
            limit = min(self._left + 1, OUTPUT_STEP_BYTES)
            plain = self._inflater.decompress(rest, limit)
            self._left -= len(plain)
            self._crc32 = zlib.crc32(plain, self._crc32)
            self._is_broken = self._left < 0 or bool(self._inflater.unused_data)
            rest = self._inflater.unconsumed_tail
            may_be_more = bool(rest) or len(plain) == limit


class SectionCheck:
    """A stage that checks sections as their bytes come by, in file order (see `hashing.Stage`).

    Raises:
        ValueError: the request's sections are not ascending, overlap, leave the file, or do not go with a whole read.
    """

    def __init__(self, request: ReadRequest) -> None:
        _validate(request)
        self._sections = request.sections
        self._next = 0
        self._sum: Sum | None = None
        self._is_whole = True
        self._bad: list[int] = []

    @property
    def bad_sections(self) -> tuple[int, ...]:
        """Those that were seen whole and are wrong."""
        return tuple(self._bad)

    def work(self, slot: Slot) -> None:
        """See `Stage`."""
        chunk = slot.chunk
        if slot.missing == chunk:
            return  # the file ended before
        while self._next < len(self._sections):
            section = self._sections[self._next]
            begin, end = max(section.offset, chunk.offset), min(_end(section), chunk.end)
            if begin < end:
                self._take(section, slot, ByteRange(begin, end - begin))
            if _end(section) > chunk.end:
                return
            self._close(section)

    def _take(self, section: Section, slot: Slot, part: ByteRange) -> None:
        self._is_whole = self._is_whole and not slot.lacks(part)
        if self._is_whole:
            start = part.offset - slot.chunk.offset
            self._sum = self._sum or _sum_of(section)
            self._sum.feed(slot.content[start : start + part.length])

    def _close(self, section: Section) -> None:
        if self._is_whole and not (self._sum or _sum_of(section)).is_right:
            self._bad.append(self._next)
        self._next += 1
        self._sum = None
        self._is_whole = True


def _sum_of(section: Section) -> Sum:
    return InflatedSum(section) if section.is_deflated else StoredSum(section)


def _validate(request: ReadRequest) -> None:
    if request.blocks is not None:
        raise ValueError("sections can only be checked when the whole file is read")
    if request.sections and request.sections[0].offset < 0:
        raise ValueError("a section cannot begin before the file")
    if any(item.length < 0 or item.size_bytes < 0 or _end(item) > request.size_bytes for item in request.sections):
        raise ValueError("a section must lie within the file")
    if any(later.offset < _end(earlier) for earlier, later in pairwise(request.sections)):
        raise ValueError("sections must be ascending and must not overlap")


def _end(section: Section) -> int:
    return section.offset + section.length
