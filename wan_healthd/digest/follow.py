"""Following a file that grows: SHA-256 and block digests of what comes in, and at the end a proof that it is what is there.

While the file grows, nothing vouches that what was hashed is not written to again: times and sizes do not show it, and stores
through a mapping make no event. So at the end, under a lease that keeps all writers out, each block is digested once more, from
memory and by several threads, and must be as it came in. Then the SHA-256 is that of the bytes a reader gets now. It costs a
fraction of the SHA-256, which was computed on the way; the disk itself is not asked, so the bytes are "as received".

Only pages that are in memory are read (RWF_NOWAIT), nothing is brought in: a file that did not stay there is given up.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable

from wan_healthd.digest.assurance import BTRFS_MAGIC, EXT_MAGIC, TMPFS_MAGIC, XFS_MAGIC
from wan_healthd.digest.disk_file import Stamp
from wan_healthd.digest.growth import GivenUp, Growth, Seen
from wan_healthd.digest.hashing import BlockHasher, WholeHasher, sha256
from wan_healthd.digest.lease import is_held, read_lease
from wan_healthd.digest.ledger import Ledger
from wan_healthd.digest.lines import Line, Station
from wan_healthd.digest.plan import Chunks
from wan_healthd.digest.reading import Listener
from wan_healthd.digest.slots import Slot, SlotPool
from wan_healthd.digest.storage import Storage
from wan_healthd.domain.digests import BLOCK_BYTES, BLOCK_DIGEST_BYTES, Assurance, block_count
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import BlockRun, ReadOutcome
from wan_healthd.kernel.filesystem import filesystem_magic

FOLLOWABLE = frozenset({EXT_MAGIC, XFS_MAGIC, BTRFS_MAGIC, TMPFS_MAGIC})
"""Where a lease speaks for everybody. Others may be written to behind its back: by another machine, or beneath an overlay."""

LOOK_EVERY_S = 0.1
MOST_SHORT_LOOKS = 10
"""Looks in a row at which bytes that are there could not be read from memory."""

PROVERS = 2
SLOTS = 2 * PROVERS


class CachedFile:
    """The pages of an open file that are in memory. Safe to use from several threads."""

    def __init__(self, descriptor: int, storage: Storage) -> None:
        self._descriptor = descriptor
        self._storage = storage
        self._flags = os.RWF_NOWAIT
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)  # nothing is to be read ahead

    def stamp(self) -> Stamp:
        """See `disk_file.Source`."""
        found = self._facts()
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def seen(self) -> Seen:
        """A look at it."""
        found = self._facts()
        return Seen(found.st_size, found.st_mtime_ns, found.st_nlink)

    def data_end(self, start: int) -> int:
        """Where the first hole behind `start` begins; the end of the file is one."""
        with self._storage:
            try:
                return os.lseek(self._descriptor, start, os.SEEK_HOLE)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                return start

    def fill(self, slot: Slot) -> bool:
        """Whether the slot's whole chunk could be read."""
        memory, done = slot.content, 0
        while done < len(memory) and (count := self._read(memory[done:], slot.chunk.offset + done)):
            done += count
        slot.bytes_read, slot.assurance = done, Assurance.AS_RECEIVED
        return done == len(memory)

    def _read(self, memory: memoryview, offset: int) -> int:
        with self._storage:
            try:
                return os.preadv(self._descriptor, [memory], offset, self._flags)
            except BlockingIOError:
                return 0
            except OSError as error:
                if error.errno != errno.EOPNOTSUPP or not self._flags:
                    raise
            self._flags = 0  # tmpfs: all of it is memory
            return os.preadv(self._descriptor, [memory], offset)

    def _facts(self) -> os.stat_result:
        with self._storage:
            return os.fstat(self._descriptor)


class Follow:
    """Follows one open file, and proves what came in.

    Args:
        finish: set once the file is to be judged.

    Raises:
        GivenUp: the file lies where nobody can vouch for it.
    """

    def __init__(self, descriptor: int, slots: SlotPool, storage: Storage, listener: Listener, finish: threading.Event) -> None:
        if filesystem_magic(descriptor) not in FOLLOWABLE:
            raise GivenUp("its file system does not vouch for it")
        self._descriptor = descriptor
        self._file = CachedFile(descriptor, storage)
        self._slots = slots
        self._listener = listener
        self._finish = finish
        self._growth = Growth(time.monotonic())
        self._runs: list[BlockRun] = []
        self._sha256 = WholeHasher(sha256())
        self._ledger = Ledger(self._runs.append)
        self._stages = (BlockHasher(), self._sha256, self._ledger)
        self._short_looks = 0

    def outcome(self) -> ReadOutcome:
        """Follow until `finish` is set, then finish.

        Raises:
            GivenUp: there is no digest of what the file holds now.
            OSError: the file cannot be read.
        """
        while not self._finish.wait(LOOK_EVERY_S):
            self.look()
        return self.finish()

    def look(self) -> None:
        """Hash what came in since the last look.

        Raises:
            GivenUp: the file is not worth following any more.
            OSError: it cannot be read.
        """
        start = self._growth.done_bytes
        stretch = self._growth.look(self._file.seen(), self._file.data_end(start), time.monotonic())
        self._short_looks = 0 if self._take(stretch) else self._short_looks + 1
        if self._short_looks >= MOST_SHORT_LOOKS:
            raise GivenUp("it is not in memory any more")
        self._listener.pulse(self._growth.done_bytes)

    def finish(self) -> ReadOutcome:
        """Hash the rest, and prove all of it. Raises as `outcome` does."""
        self.look()  # as much as can be done before anybody might have to wait for the lease
        with read_lease(self._descriptor):
            before = self._file.stamp()
            rest = self._growth.finish(self._file.seen())
            if rest.length >= BLOCK_BYTES or not self._take(rest):
                raise GivenUp("it has holes, or is not in memory any more")
            self._ledger.finish()
            self._prove(before[1])
            after = self._file.stamp()
        for run in self._runs:
            self._listener.run(run)
        return ReadOutcome(
            before=before,
            after=after,
            sha256=self._sha256.hex_digest,
            assurance=Assurance.AS_RECEIVED,
            all_zero=self._ledger.all_zero,
            bytes_read=self._ledger.bytes_read,
        )

    def _take(self, stretch: ByteRange) -> bool:
        """Hash the stretch as far as it can be read; whether all of it could."""
        if not stretch.length:
            return True
        first, end = stretch.offset // BLOCK_BYTES, block_count(stretch.end)
        with self._slots.borrow(1) as (slot,):
            for chunk in Chunks(((first, end),), stretch.end):
                slot.begin(chunk)
                if not self._file.fill(slot):
                    return False
                for stage in self._stages:
                    stage.work(slot)
                self._growth.advance(chunk)
                self._listener.pulse(self._growth.done_bytes)
        return True

    def _prove(self, size_bytes: int) -> None:
        chunks = Chunks(((0, block_count(size_bytes)),) if size_bytes else (), size_bytes)
        proof = Proof(b"".join(run.digests for run in self._runs))
        look = Recall(self._file, lambda: is_held(self._descriptor))
        with self._slots.borrow(SLOTS) as slots:
            Line(chunks, slots, [Station(look, PROVERS), Station(BlockHasher(), PROVERS), Station(proof)]).run()
        if not is_held(self._descriptor):
            raise GivenUp("somebody wants to write to it")


class Recall:
    """A stage: reads from memory again. Gives way at once to whoever wants to write."""

    def __init__(self, file: CachedFile, is_undisturbed: Callable[[], bool]) -> None:
        self._file = file
        self._is_undisturbed = is_undisturbed

    def work(self, slot: Slot) -> None:
        """See `hashing.Stage`."""
        if not self._is_undisturbed():
            raise GivenUp("somebody wants to write to it")
        if not self._file.fill(slot):
            raise GivenUp("it is not in memory any more")


class Proof:
    """A stage: what is there is what came in."""

    def __init__(self, digests: bytes) -> None:
        self._digests = digests

    def work(self, slot: Slot) -> None:
        """See `hashing.Stage`."""
        for block, digest in slot.digests.items():
            if digest != self._digests[block * BLOCK_DIGEST_BYTES : (block + 1) * BLOCK_DIGEST_BYTES]:
                raise GivenUp("what had come in was written to again")
