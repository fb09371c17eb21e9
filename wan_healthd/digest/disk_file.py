"""An open file, read from the disk rather than from the page cache, and an honest word on whether that worked."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, Protocol, TypeAlias

from wan_healthd.digest.assurance import LIVES_IN_MEMORY, READS_DISK_DIRECTLY, assure, has_grown
from wan_healthd.digest.residency import Residency
from wan_healthd.digest.storage import Storage
from wan_healthd.domain.digests import BLOCK_BYTES, Assurance
from wan_healthd.domain.extents import ByteRange
from wan_healthd.kernel.filesystem import direct_alignment, filesystem_magic

ALIGNMENT_BYTES = 4096
"""What O_DIRECT wants of offset, length and memory wherever nobody says otherwise."""

Stamp: TypeAlias = tuple[int, int, int, int]
"""(inode, size_bytes, mtime_ns, ctime_ns): differs whenever the file changed."""


def stamp_of(found: os.stat_result) -> Stamp:
    """The stamp in what the system says of a file."""
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def round_up(length: int, alignment: int = ALIGNMENT_BYTES) -> int:
    """The next multiple of `alignment`."""
    return -(-length // alignment) * alignment


class Got(NamedTuple):
    """What a read gave: how many bytes, and what they prove."""

    size_bytes: int
    assurance: Assurance


class Source(Protocol):
    """What a read needs of a file. Safe to use from several threads."""

    @property
    def alignment(self) -> int:
        """To how many bytes offsets are aligned, and reads rounded up; a power of two, no more than a block."""

    @property
    def assurance(self) -> Assurance:
        """What reading nothing at all proves of an empty file."""

    def stamp(self) -> Stamp:
        """The file's present state."""

    def read(self, memory: memoryview, offset: int, length: int) -> Got:
        """Read `length` bytes at `offset` into `memory`, which has room for `length` rounded up.

        Both are aligned. Gives fewer bytes than `length` only at the end of the file. Raises OSError.
        """


class DiskFile:
    """A `Source` on a borrowed descriptor, which leaves the page cache as it was.

    O_DIRECT is set on the open file description, which the sender shares: opening the file anew would break a lease that
    the sender may hold on it. It stays set, because another job may be reading the same description. So nobody else may read
    through the descriptor but aligned (`headers` does), and the sender just closes it.

    Where the page cache is filled all the same, reads go on one by one: what was not in memory before is dropped again, what
    was stays, for somebody needs it.

    Args:
        storage: entered around each call that may wait; None if nobody looks.
    """

    def __init__(self, descriptor: int, storage: Storage | None = None) -> None:
        self._descriptor = descriptor
        self._storage = storage or Storage()
        self._buffered: int | None = None
        with self._storage:
            self._filesystem = filesystem_magic(descriptor)
            stated = direct_alignment(descriptor)
        self.alignment = max(ALIGNMENT_BYTES, stated or 0)
        usable = stated != 0 and self.alignment <= BLOCK_BYTES
        if not usable:
            self.alignment = ALIGNMENT_BYTES
        self._direct = usable and self._ask_for_direct()
        self._is_vouched_for = bool(stated) and self._direct and self._filesystem in READS_DISK_DIRECTLY
        self._residency = Residency(descriptor, self._filesystem)
        self._falling_back = threading.Lock()
        self._reading = threading.Lock()
        self._fills_cache = not self._direct
        if not self._needs_no_look:
            _forbid_reading_ahead(descriptor)

    @property
    def assurance(self) -> Assurance:
        """See `Source`."""
        return assure(self._filesystem, direct=self._direct, before=0, after=0)

    def stamp(self) -> Stamp:
        """See `Source`."""
        with self._storage:
            return stamp_of(os.fstat(self._descriptor))

    def read(self, memory: memoryview, offset: int, length: int) -> Got:
        """See `Source`. A direct read asks for whole aligned blocks, and ends where it gets less than that."""
        if self._needs_no_look:
            count = self._fill(memory, offset, length)
            return Got(count, assure(self._filesystem, direct=self._direct, before=None, after=None))
        with self._turn:
            before = self._residency.pages(offset, length)
            absent = self._absent(before, offset, length)
            count = self._fill(memory, offset, length)
            after = self._residency.pages(offset, length)
            if has_grown(before, after):
                self._fills_cache = True
                for part in absent:
                    os.posix_fadvise(self._descriptor, part.offset, part.length, os.POSIX_FADV_DONTNEED)
        # Once it filled the cache, what was there already may have been read from there.
        direct = self._direct and not (self._fills_cache and before)
        return Got(count, assure(self._filesystem, direct=direct, before=before, after=after))

    def close(self) -> None:
        """Close what was opened here; the borrowed descriptor stays open."""
        if self._buffered is not None:
            os.close(self._buffered)
            self._buffered = None

    def pread(self, memory: memoryview, offset: int) -> int:
        """One read by the system; may be short."""
        with self._storage:
            return os.preadv(self._descriptor if self._buffered is None else self._buffered, [memory], offset)

    @property
    def _needs_no_look(self) -> bool:
        """Whether the label stands without a look at the page cache, which nothing here could leave otherwise than it was."""
        return (self._is_vouched_for and self._direct) or self._filesystem in LIVES_IN_MEMORY

    def _absent(self, before: int | None, offset: int, length: int) -> Sequence[ByteRange]:
        """What to drop after the read, should it fill the cache."""
        if before == 0:
            return (ByteRange(offset, length),)
        return () if before is None else self._residency.absent(offset, length)

    @property
    def _turn(self) -> AbstractContextManager[object]:
        return self._reading if self._fills_cache else nullcontext()

    def _fill(self, memory: memoryview, offset: int, length: int) -> int:
        done = 0
        while done < length:
            count = self._read_once(memory[done : round_up(length, self.alignment)], offset + done)
            done += count
            if not count or count % self.alignment:
                break
        return min(done, length)

    def _read_once(self, memory: memoryview, offset: int) -> int:
        was_direct = self._direct
        try:
            return self.pread(memory, offset)
        except OSError as error:
            if error.errno != errno.EINVAL or not was_direct:
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
        with self._falling_back:
            if not self._direct:
                return  # another reader was first
            try:
                self._buffered = os.open(f"/proc/self/fd/{self._descriptor}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            except OSError:
                flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
                fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags & ~os.O_DIRECT)
            self._direct = False
            self._fills_cache = True
            _forbid_reading_ahead(self._descriptor if self._buffered is None else self._buffered)


def _forbid_reading_ahead(descriptor: int) -> None:
    """Else the next stretch looks as if somebody needed it."""
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
