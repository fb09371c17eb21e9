"""One read: the disk once, every digest that was asked for, and an honest account of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from wan_healthd.digest.chunk_reader import ChunkReader
from wan_healthd.digest.disk_file import Source, Stamp
from wan_healthd.digest.hashing import BlockHasher, WholeHasher, ZeroWatch, git_sha1, sha256
from wan_healthd.digest.lines import DirectLine, Line, ThreadedLine
from wan_healthd.digest.plan import CHUNK_BYTES, chunks, wanted_blocks, wanted_bytes
from wan_healthd.digest.section_check import SectionCheck
from wan_healthd.digest.slots import SlotPool
from wan_healthd.domain.digests import Algorithm, Assurance, weakest
from wan_healthd.domain.extents import ByteRange, merge
from wan_healthd.domain.ports import BlockRun, ReadOutcome, ReadRequest

SLOTS_A_FILE = 6
"""24 MiB: one being read, one with each hasher, and some in between."""


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
        self._zeros = ZeroWatch()
        whole = request.algorithms if request.blocks is None else ()
        self._sha256 = WholeHasher(sha256()) if Algorithm.SHA256 in whole else None
        self._git_sha1 = WholeHasher(git_sha1(request.size_bytes)) if Algorithm.GIT_SHA1 in whole else None
        self._blocks = BlockHasher(listener.run) if Algorithm.BLAKE3_1M in request.algorithms else None
        self._sections = SectionCheck(request) if request.sections else None
        self._assurances: set[Assurance] = set()

    def outcome(self) -> ReadOutcome:
        """Read everything.

        Raises:
            OSError: the file cannot be read for another reason than the state of the storage.
            ValueError: the request makes no sense.
        """
        runs = wanted_blocks(self._request)
        before = self._source.stamp()
        with self._line(wanted_bytes(runs, self._request.size_bytes)) as line:
            for chunk in chunks(runs, self._request.size_bytes):
                self._pass(chunk, line)
        if self._blocks is not None:
            self._blocks.finish()
        return self._account(before, self._source.stamp())

    def _pass(self, chunk: ByteRange, line: Line) -> None:
        if self._reader.ended:
            self._reader.missing.add(chunk)
            return
        slot = line.empty_slot()
        self._reader.fill(slot, chunk)
        self._assurances.add(slot.assurance)
        self._zeros.look(slot)
        line.push(slot)

    @contextmanager
    def _line(self, size_bytes: int) -> Iterator[Line]:
        every = (self._blocks, self._sha256, self._git_sha1, self._sections)
        stages = [stage for stage in every if stage is not None]
        threaded = size_bytes > CHUNK_BYTES and bool(stages)
        with self._slots.borrow(SLOTS_A_FILE if threaded else 1) as slots:
            line: Line = ThreadedLine(slots, stages) if threaded else DirectLine(slots[0], stages)
            with line:
                yield line

    def _account(self, before: Stamp, after: Stamp) -> ReadOutcome:
        reader = self._reader
        # Bytes that a file has by its size but does not give are lost; behind the end of a changed file nothing is.
        lost = _cut(reader.missing.ranges, after[1]) if before == after else ()
        unreadable = merge((*reader.unreadable.ranges, *lost))
        return ReadOutcome(
            before=before,
            after=after,
            sha256=self._of_whole(self._sha256),
            assurance=weakest(frozenset(self._assurances)) or self._source.assurance,
            unreadable=unreadable,
            errno_name=reader.errno_name or ("EIO" if unreadable else None),
            all_zero=self._zeros.all_zero and reader.bytes_read > 0,
            bytes_read=reader.bytes_read,
            bad_sections=self._sections.bad_sections if self._sections is not None else (),
            git_sha1=self._of_whole(self._git_sha1),
        )

    def _of_whole(self, hasher: WholeHasher | None) -> str | None:
        """The digest, if it was asked for and the file did not end too early."""
        return None if hasher is None or self._reader.ended else hasher.hex_digest


def _cut(ranges: Iterable[ByteRange], size_bytes: int) -> tuple[ByteRange, ...]:
    return tuple(ByteRange(item.offset, min(item.end, size_bytes) - item.offset) for item in ranges)
