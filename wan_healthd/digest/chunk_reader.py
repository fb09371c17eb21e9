"""Reads chunks around what the storage refuses: damage is an answer, not an exception."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable

from wan_healthd.digest.disk_file import Source
from wan_healthd.digest.slots import Slot
from wan_healthd.domain.digests import weakest
from wan_healthd.domain.extents import ByteRange

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


class ChunkReader:
    """The stage that fills slots from a source; several threads may work at once, each on a slot of its own.

    `pulse` is called with the bytes read so far after each answer of the storage, good or bad; what it raises ends the read.
    """

    def __init__(self, source: Source, pulse: Callable[[int], None]) -> None:
        self._source = source
        self._pulse = pulse
        self._lock = threading.Lock()
        self._bytes_read = 0
        self._ends_at: int | None = None

    def work(self, slot: Slot) -> None:
        """Read the slot's chunk into it (see `Stage`); what the storage refuses becomes zeros.

        Raises:
            OSError: the system refuses for another reason than the state of the storage.
        """
        if self._ends_at is not None and slot.chunk.offset >= self._ends_at:
            self._advance(0)
            self._end(slot, 0)
            return
        try:
            count = self._read(slot, 0, slot.chunk.length)
        except OSError as error:
            if error.errno not in MEDIA_ERRORS:
                raise
            self._fill_piecewise(slot)
        else:
            self._end(slot, count)

    def _fill_piecewise(self, slot: Slot) -> None:
        """Sector by sector in file order: a dying disk is asked only once more for what it refuses."""
        length, sector = slot.chunk.length, self._source.alignment
        for start in range(0, length, sector):
            piece = min(sector, length - start)
            try:
                count = self._read(slot, start, piece)
            except OSError as error:
                _refused(slot, start, piece, error)
                continue
            if count < piece:
                self._end(slot, start + count)
                break

    def _read(self, slot: Slot, start: int, length: int) -> int:
        count = 0
        try:
            count, assurance = self._source.read(slot.memory[start:], slot.chunk.offset + start, length)
        finally:
            # Also after an error: a disk that needs seconds for each bad sector is slow, not stuck.
            self._advance(count)
        if count:
            slot.bytes_read += count
            slot.assurance = weakest(frozenset({assurance, slot.assurance or assurance}))
        return count

    def _advance(self, count: int) -> None:
        with self._lock:
            self._bytes_read += count
            so_far = self._bytes_read
        self._pulse(so_far)

    def _end(self, slot: Slot, count: int) -> None:
        """The storage gave the first `count` bytes of the chunk; where that is not all, the file ends there."""
        rest = slot.chunk.length - count
        if rest:
            slot.memory[count : slot.chunk.length] = bytes(rest)
            slot.missing = ByteRange(slot.chunk.offset + count, rest)
            self._ends_at = slot.missing.offset


def _refused(slot: Slot, start: int, length: int, error: OSError) -> None:
    if error.errno not in MEDIA_ERRORS:
        raise error
    slot.errno_name = slot.errno_name or errno.errorcode[error.errno]
    slot.memory[start : start + length] = bytes(length)
    slot.unreadable.append(ByteRange(slot.chunk.offset + start, length))
