"""Reads chunks around what the storage refuses: damage is an answer, not an exception."""

from __future__ import annotations

import errno
from collections.abc import Callable

from wan_healthd.digest.disk_file import ALIGNMENT_BYTES, Source
from wan_healthd.digest.slots import Slot
from wan_healthd.domain.extents import ByteRange, merge

MEDIA_ERRORS = frozenset(
    {
        errno.EIO,
        errno.EUCLEAN,  # a file system's own checksum or structure is wrong
        errno.EBADMSG,
        errno.EILSEQ,  # the block layer's names for protection, medium, target and transport errors
        errno.ENODATA,
        errno.EREMOTEIO,
        errno.ENOLINK,
        errno.ETIMEDOUT,
    }
)
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


class ChunkReader:
    """Fills slots from a source, and keeps account.

    `pulse` is called with the bytes read so far after each answer of the storage, good or bad; what it raises ends the read.

    Attributes:
        bytes_read: bytes that came from the source.
        unreadable: bytes that the storage refused.
        missing: bytes that were asked for behind the end of the file.
        errno_name: the first error of the storage.
    """

    def __init__(self, source: Source, pulse: Callable[[int], None]) -> None:
        self._source = source
        self._pulse = pulse
        self.bytes_read = 0
        self.unreadable = Gaps()
        self.missing = Gaps()
        self.errno_name: str | None = None

    @property
    def ended(self) -> bool:
        """Whether the file ended before the chunk did; later chunks hold nothing either."""
        return bool(self.missing.ranges)

    def fill(self, slot: Slot, chunk: ByteRange) -> None:
        """Read `chunk` into `slot`; what cannot be read becomes holes of zeros.

        Raises:
            OSError: the system refuses for another reason than the state of the storage.
        """
        slot.chunk = chunk
        try:
            count = self._read(slot, 0, chunk.length)
        except OSError as error:
            if error.errno not in MEDIA_ERRORS:
                raise
            self._fill_piecewise(slot)
        else:
            slot.holes = self._ends_at(slot, count)
        slot.assurance = self._source.assurance

    def _fill_piecewise(self, slot: Slot) -> None:
        """Sector by sector in file order: a dying disk is asked only once more for what it refuses."""
        holes: list[ByteRange] = []
        length = slot.chunk.length
        for start in range(0, length, ALIGNMENT_BYTES):
            piece = min(ALIGNMENT_BYTES, length - start)
            try:
                count = self._read(slot, start, piece)
            except OSError as error:
                holes.append(self._refused(slot, start, piece, error))
                continue
            if count < piece:
                holes += self._ends_at(slot, start + count)
                break
        slot.holes = merge(holes)

    def _read(self, slot: Slot, start: int, length: int) -> int:
        count = 0
        try:
            count = self._source.read(slot.memory[start:], slot.chunk.offset + start, length)
        finally:
            # Also after an error: a disk that needs seconds for each bad sector is slow, not stuck.
            self._pulse(self.bytes_read + count)
        self.bytes_read += count
        return count

    def _refused(self, slot: Slot, start: int, length: int, error: OSError) -> ByteRange:
        if error.errno not in MEDIA_ERRORS:
            raise error
        self.errno_name = self.errno_name or errno.errorcode[error.errno]
        slot.memory[start : start + length] = bytes(length)
        hole = ByteRange(slot.chunk.offset + start, length)
        self.unreadable.add(hole)
        return hole

    def _ends_at(self, slot: Slot, count: int) -> tuple[ByteRange, ...]:
        rest = slot.chunk.length - count
        if not rest:
            return ()
        slot.memory[count : slot.chunk.length] = bytes(rest)
        hole = ByteRange(slot.chunk.offset + count, rest)
        self.missing.add(hole)
        return (hole,)
