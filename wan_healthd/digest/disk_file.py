"""An open file, read from the disk rather than from the page cache."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import Protocol, TypeAlias

from wan_healthd.digest.assurance import assure
from wan_healthd.digest.kernel import filesystem_magic
from wan_healthd.domain.digests import Assurance

ALIGNMENT_BYTES = 4096
"""What O_DIRECT wants of offset, length and memory on every disk in use."""

Stamp: TypeAlias = tuple[int, int, int, int]
"""(inode, size_bytes, mtime_ns, ctime_ns): differs whenever the file changed."""


def round_up(length: int) -> int:
    """The next multiple of `ALIGNMENT_BYTES`."""
    return -(-length // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


class Source(Protocol):
    """What a read needs of a file."""

    @property
    def assurance(self) -> Assurance:
        """How the bytes read so far were obtained; may fall during a read."""

    def stamp(self) -> Stamp:
        """The file's present state."""

    def read(self, memory: memoryview, offset: int, length: int) -> int:
        """Read `length` bytes at `offset` into `memory`, which has room for `round_up(length)`.

        Both are aligned. Returns the bytes read, fewer than `length` only at the end of the file. Raises OSError.
        """


class DiskFile:
    """A `Source` on a borrowed descriptor.

    O_DIRECT is set on the open file description, which the sender shares: opening the file anew would break a lease that
    the sender may hold on it. It stays set, because another job may be reading the same description. So nobody else may read
    through the descriptor but aligned (`headers` does), and the sender just closes it.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffered: int | None = None
        self._magic = filesystem_magic(descriptor)
        self._direct = self._ask_for_direct()

    @property
    def assurance(self) -> Assurance:
        """See `Source`."""
        return assure(self._magic, direct=self._direct)

    def stamp(self) -> Stamp:
        """See `Source`."""
        found = os.fstat(self._descriptor)
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def read(self, memory: memoryview, offset: int, length: int) -> int:
        """See `Source`. A direct read asks for whole aligned blocks, and ends where it gets less than that."""
        done = 0
        while done < length:
            count = self._read_once(memory[done : round_up(length)], offset + done)
            done += count
            if not count or count % ALIGNMENT_BYTES:
                break
        return min(done, length)

    def close(self) -> None:
        """Close what was opened here; the borrowed descriptor stays open."""
        if self._buffered is not None:
            os.close(self._buffered)
            self._buffered = None

    def pread(self, memory: memoryview, offset: int) -> int:
        """One read by the system; may be short."""
        return os.preadv(self._descriptor if self._buffered is None else self._buffered, [memory], offset)

    def _read_once(self, memory: memoryview, offset: int) -> int:
        try:
            return self.pread(memory, offset)
        except OSError as error:
            if error.errno != errno.EINVAL or not self._direct:
                raise
        self._go_buffered()
        return self.pread(memory, offset)

    def _ask_for_direct(self) -> bool:
        flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
        if flags & os.O_DIRECT:
            return True
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags | os.O_DIRECT)
        except OSError:
            return False
        return True

    def _go_buffered(self) -> None:
        """Take the page cache from here on: the file system accepted O_DIRECT but refuses to read with it."""
        self._direct = False
        try:
            self._buffered = os.open(f"/proc/self/fd/{self._descriptor}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags & ~os.O_DIRECT)
