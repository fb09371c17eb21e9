"""One read: the disk once, every digest that was asked for, and an honest account of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from wan_healthd.digest.chunk_reader import ChunkReader
from wan_healthd.digest.disk_file import Source, Stamp
from wan_healthd.digest.hashing import BlockHasher, Stage, WholeHasher, git_sha1, sha256
from wan_healthd.digest.ledger import Ledger
from wan_healthd.digest.lines import Line, Station, pass_directly
from wan_healthd.digest.plan import Chunks, wanted_blocks
from wan_healthd.digest.section_check import SectionCheck
from wan_healthd.digest.slots import SlotPool
from wan_healthd.domain.digests import Algorithm, weakest
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import BlockRun, ReadMode, ReadOutcome, ReadRequest


class Crew(NamedTuple):
    """How many threads read one file, which is how many reads are in flight for it, and how many digest its blocks."""

    readers: int
    hashers: int


CREWS = {ReadMode.FULL: Crew(3, 2), ReadMode.POLITE: Crew(2, 1), ReadMode.IDLE: Crew(1, 1)}
"""Chunks are large: a few reads keep a disk busy."""

SLOTS_A_FILE = 6
"""12 MiB: two for each reader, so that one is read while the other one is hashed. A multiple of all numbers of readers."""


class Listener(Protocol):
    """Hears of a read while it goes on; called from several threads."""

    def run(self, run: BlockRun) -> None:
        """Digests, in file order."""

    def pulse(self, bytes_read: int) -> None:
        """The storage answered. What this raises ends the read."""


class Reading:
    """Carries out one request on one source.

    Raises:
        ValueError: the request's sections make no sense.
    """

    def __init__(self, source: Source, request: ReadRequest, slots: SlotPool, listener: Listener) -> None:
        self._source = source
        self._request = request
        self._slots = slots
        self._reader = ChunkReader(source, listener.pulse)
        self._ledger = Ledger(listener.run)
        whole = request.algorithms if request.blocks is None else ()
        self._sha256 = WholeHasher(sha256()) if Algorithm.SHA256 in whole else None
        self._git_sha1 = WholeHasher(git_sha1(request.size_bytes)) if Algorithm.GIT_SHA1 in whole else None
        self._blocks = BlockHasher() if Algorithm.BLAKE3_1M in request.algorithms else None
        self._sections = SectionCheck(request) if request.sections else None

    def outcome(self) -> ReadOutcome:
        """Read everything.

        Raises:
            OSError: the file cannot be read for another reason than the state of the storage.
            ValueError: the request makes no sense.
        """
        chunks = Chunks(wanted_blocks(self._request), self._request.size_bytes)
        before = self._source.stamp()
        self._pass(chunks)
        self._ledger.finish()
        return self._account(before, self._source.stamp())

    def _pass(self, chunks: Sequence[ByteRange]) -> None:
        in_order = [stage for stage in (self._sha256, self._git_sha1, self._sections, self._ledger) if stage is not None]
        if len(chunks) <= 1:
            with self._slots.borrow(1) as (slot,):
                pass_directly(chunks, slot, [*self._apart, *in_order])
            return
        apart = zip(self._apart, CREWS[self._request.mode], strict=False)  # without blocks there is nothing for hashers to do
        stations = [*(Station(stage, threads) for stage, threads in apart), *(Station(stage) for stage in in_order)]
        with self._slots.borrow(SLOTS_A_FILE) as slots:
            Line(chunks, slots, stations).run()

    @property
    def _apart(self) -> list[Stage]:
        """What may be done to several chunks at once."""
        return [self._reader] if self._blocks is None else [self._reader, self._blocks]

    def _account(self, before: Stamp, after: Stamp) -> ReadOutcome:
        ledger = self._ledger
        # Bytes that a file has by its size but does not give are lost; behind the end of a changed file nothing is.
        unreadable = ledger.unreadable(after[1] if before == after else 0)
        return ReadOutcome(
            before=before,
            after=after,
            sha256=self._of_whole(self._sha256),
            assurance=weakest(frozenset(ledger.assurances)) or self._source.assurance,
            unreadable=unreadable,
            errno_name=ledger.errno_name or ("EIO" if unreadable else None),
            all_zero=ledger.all_zero,
            bytes_read=ledger.bytes_read,
            bad_sections=self._sections.bad_sections if self._sections is not None else (),
            git_sha1=self._of_whole(self._git_sha1),
        )

    def _of_whole(self, hasher: WholeHasher | None) -> str | None:
        """The digest, if it was asked for and the file did not end too early."""
        return None if hasher is None or self._ledger.has_ended else hasher.hex_digest
