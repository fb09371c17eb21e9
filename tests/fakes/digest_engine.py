"""A DigestEngine without a process: reads at once, through the page cache, and fails where it is told to."""

from __future__ import annotations

import errno
import hashlib
import os
import zlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from blake3 import blake3

from wan_healthd.digest.bounded_reader import BoundedReader
from wan_healthd.digest.parsers import parser_of
from wan_healthd.digest.plan import RunBuilder, wanted_blocks
from wan_healthd.domain.digests import Algorithm, Assurance
from wan_healthd.domain.errors import WorkerFailed, WorkerRefused
from wan_healthd.domain.evidence import HeaderFacts, Section
from wan_healthd.domain.extents import ByteRange, block_range, merge
from wan_healthd.domain.ports import BlockRun, ReadOutcome, ReadRequest, TouchedTensors

T = TypeVar("T")


def stamp(descriptor: int) -> tuple[int, int, int, int]:
    facts = os.fstat(descriptor)
    return facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def check_order(request: ReadRequest) -> None:
    """Raises ValueError where the sections make no sense."""
    end = 0
    for section in request.sections:
        if request.blocks is not None or section.offset < end or section.offset + section.length > request.size_bytes:
            raise ValueError("the sections make no sense")
        end = section.offset + section.length


class FakeDigestEngine:
    """Set its attributes to choose what happens.

    Attributes:
        assurance: what every read claims.
        failing: inodes whose files the "worker" does not survive.
        unreadable: what the storage refuses, by inode.
        during_read: called with the descriptor in the middle of each read, to change the file.
        requests: every read that was asked for.
    """

    def __init__(self, assurance: Assurance = Assurance.DISK) -> None:
        self.assurance = assurance
        self.failing: set[int] = set()
        self.unreadable: dict[int, tuple[ByteRange, ...]] = {}
        self.during_read: Callable[[int], None] = lambda descriptor: None
        self.requests: list[ReadRequest] = []
        self._is_closed = False

    async def read(self, descriptor: int, request: ReadRequest, on_run: Callable[[BlockRun], None]) -> ReadOutcome:
        self.requests.append(request)
        return self._examine(lambda: self._read(descriptor, request, on_run), descriptor)

    async def header(self, descriptor: int, format_name: str, *, from_disk: bool = False) -> HeaderFacts:
        return self._examine(lambda: parser_of(format_name).judge(BoundedReader(descriptor)), descriptor)

    async def locate(self, format_name: str, packed_header: bytes, ranges: Sequence[ByteRange]) -> TouchedTensors:
        return self._examine(lambda: parser_of(format_name).locate(packed_header, ranges))

    async def close(self) -> None:
        self._is_closed = True

    def _examine(self, work: Callable[[], T], descriptor: int | None = None) -> T:
        if self._is_closed:
            raise WorkerFailed("cannot examine the file: the digest engine is closed")
        try:
            if descriptor is not None and os.fstat(descriptor).st_ino in self.failing:
                raise WorkerFailed("cannot examine the file: the digest worker was lost twice while it had this job")
            return work()
        except OSError as error:
            raise WorkerRefused(f"cannot examine the file: {error}", errno.errorcode[error.errno or errno.EIO]) from error

    def _read(self, descriptor: int, request: ReadRequest, on_run: Callable[[BlockRun], None]) -> ReadOutcome:
        before = stamp(descriptor)
        try:
            blocks = [block for first, end in wanted_blocks(request) for block in range(first, end)]
            check_order(request)
        except ValueError as error:
            raise OSError(errno.EINVAL, str(error)) from error
        content = _Content(request.size_bytes, self.unreadable.get(before[0], ()))
        for block in blocks:
            wanted = block_range(block, request.size_bytes)
            content.add(block, wanted, os.pread(descriptor, wanted.length, wanted.offset), self.assurance)
        self.during_read(descriptor)
        bad_sections = tuple(
            index
            for index, section in enumerate(request.sections)
            if content.is_bad(section, os.pread(descriptor, section.length, section.offset))
        )
        for run in content.runs() if Algorithm.BLAKE3_1M in request.algorithms else ():
            on_run(run)
        after = stamp(descriptor)
        whole = request.blocks is None and not content.is_holed
        unreadable = content.unreadable()
        return ReadOutcome(
            before=before,
            after=after,
            sha256=content.sha256.hexdigest() if whole and Algorithm.SHA256 in request.algorithms else None,
            assurance=self.assurance,
            unreadable=unreadable,
            errno_name="EIO" if unreadable else None,
            all_zero=content.bytes_read > 0 and content.all_zero,
            bytes_read=content.bytes_read,
            bad_sections=bad_sections,
            git_sha1=content.git_sha1.hexdigest() if whole and Algorithm.GIT_SHA1 in request.algorithms else None,
        )


class _Content:
    """What was read so far of one file, some of which may be unreadable."""

    def __init__(self, size_bytes: int, bad: Sequence[ByteRange]) -> None:
        self._bad = bad
        self._refused: list[ByteRange] = []
        self._runs = RunBuilder()
        self._finished: list[BlockRun] = []
        self.sha256 = hashlib.sha256()
        self.git_sha1 = hashlib.sha1(b"blob %d\0" % size_bytes)
        self.is_holed = False
        self.all_zero = True
        self.bytes_read = 0

    def add(self, block: int, wanted: ByteRange, data: bytes, assurance: Assurance) -> None:
        refused = [_overlap(bad, wanted) for bad in self._bad if _overlap(bad, wanted).length > 0]
        self._refused += refused
        self.bytes_read += len(data) - sum(item.length for item in refused)
        self.all_zero = self.all_zero and not any(data)
        if refused or len(data) < wanted.length:
            self.is_holed = True
            return
        self.sha256.update(data)
        self.git_sha1.update(data)
        self._keep(self._runs.add(block, blake3(data).digest(), assurance))

    def is_bad(self, section: Section, data: bytes) -> bool:
        """Judged at once, in memory: files of tests are small."""
        place = ByteRange(section.offset, section.length)
        if len(data) < section.length or any(_overlap(bad, place).length > 0 for bad in self._bad):
            return False
        if section.is_deflated:
            try:
                data = zlib.decompress(data, -zlib.MAX_WBITS)
            except zlib.error:
                return True
            if len(data) != section.size_bytes:
                return True
        return zlib.crc32(data) != section.crc32

    def runs(self) -> Sequence[BlockRun]:
        self._keep(self._runs.flush())
        return self._finished

    def unreadable(self) -> tuple[ByteRange, ...]:
        return merge(self._refused)

    def _keep(self, run: BlockRun | None) -> None:
        if run is not None:
            self._finished.append(run)


def _overlap(one: ByteRange, other: ByteRange) -> ByteRange:
    offset = max(one.offset, other.offset)
    return ByteRange(offset, min(one.end, other.end) - offset)
