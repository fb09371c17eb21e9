"""Following a file that grows: SHA-256 and block digests of what comes in, and at the end a proof that it is what is there.

While the file grows, nothing vouches that what was hashed is not written to again. So at the end, under a lease that keeps
all writers out, each block that was hashed before is digested once more, from memory and by several threads, and must be as it
came in. Then the SHA-256 is that of the bytes a reader gets now. It costs a fraction of the SHA-256, which was computed on the
way; the disk itself is not asked, so the bytes are "as received".

Nothing less would do, and nothing of it can be done beforehand. Times (and the change counter beneath them) tell that a file
was written to, not where, and one that grows is written to all the time. cachestat(2) and mincore(2) count dirty and present
pages of a range, but a page may be written to and be clean again before the next look. What tells of pages that were written to
(soft-dirty bits, userfaultfd) tells of one's own mappings only, /proc/kpageflags is for root and has the same gap, and inotify
hears of no store through a mapping. The lease itself is not granted while anybody has the file open for writing. So what is won
is won around the proof: it begins when the writer closes the file, not when somebody asks for it, holds the lease until then,
and hardly anything is left to hash, since looks are frequent.
"""

from __future__ import annotations

import time

from wan_healthd.digest.cached_file import CachedFile
from wan_healthd.digest.cues import Cues
from wan_healthd.digest.growth import MOST_IDLE_S, GivenUp, Growth
from wan_healthd.digest.hashing import BlockHasher, WholeHasher, sha256
from wan_healthd.digest.lease import LeaseRefused, is_held, read_lease
from wan_healthd.digest.ledger import Ledger
from wan_healthd.digest.plan import Chunks
from wan_healthd.digest.reading import Listener
from wan_healthd.digest.recall import Recall, prove
from wan_healthd.digest.slots import SlotPool
from wan_healthd.domain.digests import BLOCK_BYTES, Assurance, block_count
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import BlockRun, ReadOutcome
from wan_healthd.kernel.filesystem import filesystem_magic
from wan_healthd.kernel.writers import LEASED_FOR_ALL

LOOK_EVERY_S = 0.025
MOST_SHORT_LOOKS = 40
"""Looks in a row at which bytes that are there could not be read from memory."""

LOOKS_AT_END = 4
"""Looks at which a lease is tried after a cue: inotify tells of a file's end before the kernel has let go of it."""

WAY_EVERY_S = 0.01
"""How long somebody who wants to write may have to wait for a lease that is only kept."""


class Follow:
    """Follows one open file, and proves what came in.

    Args:
        cues: what is known of its writer.

    Raises:
        GivenUp: the file lies where nobody can vouch for it.
    """

    def __init__(self, file: CachedFile, slots: SlotPool, listener: Listener, cues: Cues) -> None:
        if filesystem_magic(file.descriptor) not in LEASED_FOR_ALL:
            raise GivenUp("its file system does not vouch for it")
        self._file = file
        self._slots = slots
        self._listener = listener
        self._cues = cues
        self._growth = Growth(time.monotonic())
        self._runs: list[BlockRun] = []
        self._sha256 = WholeHasher(sha256())
        self._ledger = Ledger(self._runs.append)
        self._stages = (BlockHasher(), self._sha256, self._ledger)
        self._short_looks = 0

    def outcome(self) -> ReadOutcome:
        """Follow until it is whole and asked for.

        Raises:
            GivenUp: there is no digest of what the file holds now.
            OSError: the file cannot be read.
        """
        tries = 0
        while True:
            tries = LOOKS_AT_END if self._cues.wait(LOOK_EVERY_S) else tries - 1
            self.look()  # as much as can be done before anybody might have to wait for the lease
            if tries > 0 and (outcome := self.judged()) is not None:
                return outcome

    def look(self) -> None:
        """Hash what came in since the last look.

        Raises:
            GivenUp: the file is not worth following any more.
            OSError: it cannot be read.
        """
        seen = self._file.seen()
        data_end = self._file.data_end(self._growth.done_bytes) if self._growth.may_have_holes(seen) else seen.size_bytes
        stretch = self._growth.look(seen, data_end, time.monotonic())
        self._short_looks = 0 if self._take(stretch) else self._short_looks + 1
        if self._short_looks >= MOST_SHORT_LOOKS:
            raise GivenUp("it is not in memory any more")
        self._listener.pulse(self._growth.done_bytes)

    def judged(self) -> ReadOutcome | None:
        """Hash the rest, prove all of it, and see to it that it stays so until it is asked for; None where somebody may write.

        Raises as `outcome` does.
        """
        try:
            with read_lease(self._file.descriptor):
                self._prove()
                self._await_asking()
                before = self._file.stamp()  # not sooner: the new name shows in the times, too
                self._insist()
                after = self._file.stamp()
        except LeaseRefused:
            if self._cues.is_final:
                raise
            return None
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

    def _take(self, stretch: ByteRange, *, is_leased: bool = False) -> bool:
        """Hash the stretch as far as it can be read; whether all of it could."""
        if not stretch.length:
            return True
        first, end = stretch.offset // BLOCK_BYTES, block_count(stretch.end)
        with self._slots.borrow(1) as (slot,):
            for chunk in Chunks(((first, end),), stretch.end):
                if is_leased:
                    self._insist()
                slot.begin(chunk)
                if not self._file.fill(slot):
                    return False
                for stage in self._stages:
                    stage.work(slot)
                self._growth.advance(chunk)
                self._listener.pulse(self._growth.done_bytes)
        return True

    def _prove(self) -> None:
        self._ledger.finish()
        came_before = b"".join(run.digests for run in self._runs)
        if not self._take(self._growth.finish(self._file.seen()), is_leased=True):
            raise GivenUp("it has holes, or is not in memory any more")
        self._ledger.finish()
        prove(Recall(self._file, lambda: is_held(self._file.descriptor)), self._slots, came_before)

    def _await_asking(self) -> None:
        until_s = time.monotonic() + MOST_IDLE_S
        while not self._cues.is_final:
            self._insist()
            if self._file.seen().links == 0 or time.monotonic() >= until_s:
                raise GivenUp("nobody asks for it")
            self._listener.pulse(self._growth.done_bytes)
            self._cues.wait(WAY_EVERY_S)

    def _insist(self) -> None:
        if not is_held(self._file.descriptor):
            raise GivenUp("somebody wants to write to it")
