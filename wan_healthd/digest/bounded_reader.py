"""Small reads at chosen places, and unpacking, both within bounds that the caller states."""

from __future__ import annotations

import errno
import mmap
import os
import zlib

from wan_healthd.digest.disk_file import ALIGNMENT_BYTES, round_up


class BoundedReader:
    """Positional reads of an open file whose descriptor stays the owner's.

    Reads whole aligned blocks into aligned memory, so that it does not matter whether an earlier read set O_DIRECT.

    Attributes:
        size_bytes: the file's size when the reader was made.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size_bytes = os.fstat(descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes at `offset`; fewer only where the file ends. Raises OSError."""
        start = offset - offset % ALIGNMENT_BYTES
        wanted = offset + length - start
        with mmap.mmap(-1, round_up(wanted) or ALIGNMENT_BYTES) as area:
            done = 0
            while done < wanted:
                with memoryview(area) as memory, memory[done:] as rest:
                    count = os.preadv(self._descriptor, [rest], start + done)
                done += count
                if not count or count % ALIGNMENT_BYTES:
                    break
            return area[offset - start : max(offset - start, min(done, wanted))]


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
