"""A file as far as it is in memory.

What is not there the kernel begins to fetch all the same (RWF_NOWAIT only keeps us from waiting for it), and a page that is
just being written back may be locked. So a few moments are spent on a file that is there but for a few pages, and no more.
"""

from __future__ import annotations

import errno
import os
import time

from wan_healthd.digest.disk_file import Stamp, stamp_of
from wan_healthd.digest.growth import Seen
from wan_healthd.digest.slots import Slot
from wan_healthd.digest.storage import Storage
from wan_healthd.domain.digests import Assurance

STAT_BLOCK_BYTES = 512
MOST_WAITS = 64
WAIT_S = 0.002


class CachedFile:
    """The pages of an open file that are in memory. Safe to use from several threads.

    Args:
        most_waits: how often in all it is waited for a page, WAIT_S each time.
    """

    def __init__(self, descriptor: int, storage: Storage, most_waits: int = MOST_WAITS) -> None:
        self.descriptor = descriptor
        self._storage = storage
        self._waits_left = most_waits
        self._flags = os.RWF_NOWAIT
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)  # nothing is to be read ahead

    def stamp(self) -> Stamp:
        """See `disk_file.Source`."""
        return stamp_of(self._facts())

    def seen(self) -> Seen:
        """A look at it."""
        found = self._facts()
        return Seen(found.st_size, found.st_mtime_ns, found.st_nlink, found.st_blocks * STAT_BLOCK_BYTES)

    def data_end(self, start: int) -> int:
        """Where the first hole behind `start` begins; the end of the file is one, and so is space that is only reserved."""
        with self._storage:
            try:
                return os.lseek(self.descriptor, start, os.SEEK_HOLE)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                return start

    def fill(self, slot: Slot) -> bool:
        """Whether the slot's whole chunk could be read."""
        memory, done = slot.content, 0
        while done < len(memory):
            count = self._read(memory[done:], slot.chunk.offset + done)
            if not count and not self._waited():
                break
            done += count
        slot.bytes_read, slot.assurance = done, Assurance.AS_RECEIVED
        return done == len(memory)

    def _waited(self) -> bool:
        if self._waits_left <= 0:
            return False
        self._waits_left -= 1
        time.sleep(WAIT_S)
        return True

    def _read(self, memory: memoryview, offset: int) -> int:
        with self._storage:
            try:
                return os.preadv(self.descriptor, [memory], offset, self._flags)
            except BlockingIOError:
                return 0
            except OSError as error:
                if error.errno != errno.EOPNOTSUPP or not self._flags:
                    raise
            self._flags = 0  # tmpfs: all of it is memory
            return os.preadv(self.descriptor, [memory], offset)

    def _facts(self) -> os.stat_result:
        with self._storage:
            return os.fstat(self.descriptor)
