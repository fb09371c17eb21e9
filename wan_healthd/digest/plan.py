"""Which bytes a read asks for, and which of its blocks may be reported: pure arithmetic."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import overload

from wan_healthd.domain.digests import BLOCK_BYTES, Assurance, block_count
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import BlockRun, ReadRequest

CHUNK_BYTES = 2 * BLOCK_BYTES
"""Bytes asked of the disk at once, and hashed at once. With twice as many, a file's chunks do not stay in the processor's cache
between the disk and the hashers: 8 % slower."""

RUN_BLOCKS = 64
"""Longest run of digests in one report, in blocks."""


def wanted_blocks(request: ReadRequest) -> tuple[tuple[int, int], ...]:
    """The half-open runs of blocks to read, cut to the file's size.

    Raises:
        ValueError: the request's runs are empty, not ascending, or overlap.
    """
    total = block_count(max(0, request.size_bytes))
    if request.blocks is None:
        return ((0, total),) if total else ()
    previous = 0
    for first, end in request.blocks:
        if first < previous or end <= first:
            raise ValueError("the runs of blocks must be ascending and not empty")
        previous = end
    return tuple((first, min(end, total)) for first, end in request.blocks if first < total)


def wanted_bytes(runs: Sequence[tuple[int, int]], size_bytes: int) -> int:
    """How many bytes the runs hold."""
    return sum(min(end * BLOCK_BYTES, size_bytes) - first * BLOCK_BYTES for first, end in runs)


class Chunks(Sequence[ByteRange]):
    """The runs as reads of at most `CHUNK_BYTES`, each beginning at a block, in file order; computed when asked for."""

    def __init__(self, runs: Sequence[tuple[int, int]], size_bytes: int) -> None:
        self._runs = [ByteRange(first * BLOCK_BYTES, wanted_bytes([(first, end)], size_bytes)) for first, end in runs]
        self._numbers = list(accumulate((-(-run.length // CHUNK_BYTES) for run in self._runs), initial=0))

    def __len__(self) -> int:
        return self._numbers[-1]

    @overload
    def __getitem__(self, number: int) -> ByteRange: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[ByteRange]: ...
    def __getitem__(self, number: int | slice) -> ByteRange | Sequence[ByteRange]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(number)
        place = bisect_right(self._numbers, number) - 1
        run = self._runs[place]
        offset = run.offset + (number - self._numbers[place]) * CHUNK_BYTES
        return ByteRange(offset, min(CHUNK_BYTES, run.end - offset))


class RunBuilder:
    """Joins digests of consecutive blocks of one assurance into runs of at most `RUN_BLOCKS`."""

    def __init__(self) -> None:
        self._first_block = 0
        self._digests: list[bytes] = []
        self._assurance = Assurance.DISK

    def add(self, block: int, digest: bytes, assurance: Assurance) -> BlockRun | None:
        """Take the digest of `block`; the run that is complete by that, if one is. Blocks come in ascending order."""
        finished = None
        if not self._continues(block, assurance):
            finished = self.flush()
            self._first_block, self._assurance = block, assurance
        self._digests.append(digest)
        return finished

    def flush(self) -> BlockRun | None:
        """The run so far, if there is one."""
        if not self._digests:
            return None
        run = BlockRun(self._first_block, b"".join(self._digests), self._assurance)
        self._first_block += len(self._digests)
        self._digests = []
        return run

    def _continues(self, block: int, assurance: Assurance) -> bool:
        expected = self._first_block + len(self._digests)
        return block == expected and assurance is self._assurance and len(self._digests) < RUN_BLOCKS
