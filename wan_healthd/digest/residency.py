"""How much of a file is in the page cache, without changing that: `cachestat(2)`, else `mincore(2)`."""

from __future__ import annotations

import ctypes
import mmap
import os
from itertools import groupby

from wan_healthd.digest.assurance import OVERLAY_MAGIC
from wan_healthd.domain.extents import ByteRange

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64)
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)
_MAP_FAILED = ctypes.c_void_p(-1).value

_CACHESTAT = 451
"""The same on every architecture that Debian supports; Linux 6.5. The filter of systemd 252 does not know it: EPERM."""
_PROT_NONE = 0


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
        stretch, answer = (ctypes.c_uint64 * 2)(offset, length), (ctypes.c_uint64 * 5)()
        if _libc.syscall(_CACHESTAT, self._descriptor, stretch, answer, 0) == 0:
            return int(answer[0])
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
        """A byte for each page, of which the lowest bit counts; over a mapping that nobody can touch."""
        address = _libc.mmap(None, length, _PROT_NONE, mmap.MAP_SHARED, self._descriptor, offset)
        if address == _MAP_FAILED:
            return None
        vector = ctypes.create_string_buffer(-(-length // mmap.PAGESIZE))
        refused = _libc.mincore(address, length, vector)
        _libc.munmap(address, length)
        return None if refused else vector.raw


def _may_know(descriptor: int) -> bool:
    """Whether the kernel answers mincore truthfully: to the owner, and to whoever may write."""
    if os.fstat(descriptor).st_uid == os.geteuid():
        return True
    return os.access(f"/proc/self/fd/{descriptor}", os.W_OK, effective_ids=True)
