"""How much of a file is in the page cache, without changing that: `cachestat(2)`, else `mincore(2)`."""

from __future__ import annotations

import mmap
import os
from itertools import groupby

from wan_healthd.domain.extents import ByteRange
from wan_healthd.kernel.filesystem import OVERLAY_MAGIC
from wan_healthd.kernel.page_cache import residency, resident_pages


class Residency:
    """The pages of one open file that are in memory. Safe to use from several threads.

    Args:
        filesystem: `f_type`; a file of an overlay has no pages of its own, those of the file below show only in a mapping.
    """

    def __init__(self, descriptor: int, filesystem: int) -> None:
        self._descriptor = descriptor
        self._has_cachestat = filesystem != OVERLAY_MAGIC

    def pages(self, offset: int, length: int) -> int | None:
        """Pages of the aligned stretch that are in memory; None where the kernel does not tell us."""
        if not length:
            return 0
        found = self._cachestat(offset, length) if self._has_cachestat else None
        return self._mincore(offset, length) if found is None else found

    def absent(self, offset: int, length: int) -> list[ByteRange]:
        """The parts of the aligned stretch that are certainly not in memory."""
        found: list[ByteRange] = []
        place = offset
        for is_present, group in groupby(self._vector(offset, length) or b"", key=lambda state: state & 1):
            end = min(place + mmap.PAGESIZE * sum(1 for _ in group), offset + length)
            if not is_present:
                found.append(ByteRange(place, end - place))
            place = end
        return found

    def _cachestat(self, offset: int, length: int) -> int | None:
        try:
            return resident_pages(self._descriptor, offset, length)
        except OSError:
            self._has_cachestat = False
            return None

    def _mincore(self, offset: int, length: int) -> int | None:
        """By the vector. To whoever may not know, the kernel says that every page is in memory."""
        vector = self._vector(offset, length)
        if vector is None:
            return None
        found = sum(state & 1 for state in vector)
        return found if found < len(vector) or _may_know(self._descriptor) else None

    def _vector(self, offset: int, length: int) -> bytes | None:
        try:
            return residency(self._descriptor, offset, length)
        except OSError:
            return None


def _may_know(descriptor: int) -> bool:
    """Whether the kernel answers mincore truthfully: to the owner, and to whoever may write."""
    if os.fstat(descriptor).st_uid == os.geteuid():
        return True
    return os.access(f"/proc/self/fd/{descriptor}", os.W_OK, effective_ids=True)
