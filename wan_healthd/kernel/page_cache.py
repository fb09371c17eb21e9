"""Which pages of an open file are in memory, without changing that: cachestat(2) and mincore(2)."""

from __future__ import annotations

import ctypes
import mmap

from wan_healthd.kernel.calls import checked, libc

libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64)
libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)

_CACHESTAT = 451
"""The same on every architecture that Debian supports; Linux 6.5."""

_PROT_NONE = 0
_FAILED = ctypes.c_void_p(-1).value


def resident_pages(descriptor: int, offset: int, length: int) -> int:
    """How many pages of the stretch are in memory; 0 for every file of an overlay, whose pages are those of the file below.

    Raises:
        OSError: ENOSYS before Linux 6.5; EPERM where a filter of system calls does not know the call (that of systemd 252).
    """
    stretch, answer = (ctypes.c_uint64 * 2)(offset, length), (ctypes.c_uint64 * 5)()
    checked(libc.syscall(_CACHESTAT, descriptor, stretch, answer, 0))
    return int(answer[0])


def residency(descriptor: int, offset: int, length: int) -> bytes:
    """A byte for each page of the aligned, not empty stretch; its lowest bit says whether the page is in memory.

    It is asked over a mapping that nobody can touch. To whoever neither owns the file nor may write it the kernel says that
    every page is in memory.

    Raises:
        OSError: the file cannot be mapped, or the kernel does not tell.
    """
    address = libc.mmap(None, length, _PROT_NONE, mmap.MAP_SHARED, descriptor, offset)
    checked(-1 if address == _FAILED else 0)
    vector = ctypes.create_string_buffer(-(-length // mmap.PAGESIZE))
    try:
        checked(libc.mincore(address, length, vector))
    finally:
        libc.munmap(address, length)
    return vector.raw
