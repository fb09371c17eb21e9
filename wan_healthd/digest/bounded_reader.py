"""Small reads at chosen places, and unpacking, both within bounds that the caller states."""

from __future__ import annotations

import errno
import mmap
import os
import zlib

from wan_healthd.digest.disk_file import ALIGNMENT_BYTES, Source, round_up
from wan_healthd.digest.storage import Storage


class BoundedReader:
    """Positional reads of an open file whose descriptor stays the owner's.

    Reads whole aligned blocks into aligned memory, so that it does not matter whether an earlier read set O_DIRECT.

    Args:
        source: the same file by a way past the page cache, if that is the one to take.
        storage: entered around each call that may wait; None if nobody looks.

    Attributes:
        size_bytes: the file's size when the reader was made.
    """

    def __init__(self, descriptor: int, source: Source | None = None, storage: Storage | None = None) -> None:
        self._descriptor = descriptor
        self._source = source
        self._storage = storage or Storage()
        with self._storage:
            self.size_bytes = os.fstat(descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes at `offset`; fewer only where the file ends. Raises OSError."""
        alignment = ALIGNMENT_BYTES if self._source is None else self._source.alignment
        start = offset - offset % alignment
        wanted = offset + length - start
        # Never closed: an error's traceback may hold views of it.
        area = mmap.mmap(-1, round_up(wanted, alignment) or alignment, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        done = self._fill(memoryview(area), start, wanted)
        return area[offset - start : max(offset - start, min(done, wanted))]

    def _fill(self, memory: memoryview, start: int, wanted: int) -> int:
        if self._source is not None:
            return self._source.read(memory, start, wanted).size_bytes
        done = 0
        while done < wanted:
            with self._storage:
                count = os.preadv(self._descriptor, [memory[done:]], start + done)
            done += count
            if not count or count % ALIGNMENT_BYTES:
                break
        return done


def unpack(packed: bytes, max_bytes: int) -> bytes:
    """What zlib packed.

    Raises:
        OSError: EBADMSG, if it is broken or holds more than `max_bytes`.
    """
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(packed, max_bytes)
    except zlib.error as error:
        raise OSError(errno.EBADMSG, f"a packed header is broken: {error}") from error
    if not unpacker.eof:
        raise OSError(errno.EBADMSG, "a packed header is cut off or larger than it may be")
    return plain
