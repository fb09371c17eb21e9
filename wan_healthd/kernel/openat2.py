"""openat2(2): open below a folder and never outside, by the kernel's own word (Linux 5.6)."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
from typing import Any

SYSCALL_NUMBER = 437
"""The same on every architecture that Debian supports (include/uapi/asm-generic/unistd.h)."""

RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_BENEATH = 0x08

MAX_TRIES = 8
"""The kernel answers EAGAIN when a rename or a mount anywhere got in the way of proving that a `..` stayed inside."""


class _OpenHow(ctypes.Structure):
    """`struct open_how` of openat2(2)."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long
_syscall.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(_OpenHow), ctypes.c_size_t)


HOW_BYTES = ctypes.sizeof(_OpenHow)


@functools.cache
def _how(flags: int) -> Any:
    """A pointer to how to open with these flags; the kernel only reads it."""
    return ctypes.byref(_OpenHow(flags | os.O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS))


def openat2(folder: int, path: bytes, flags: int) -> int:
    """Open the relative `path` below the descriptor `folder`; every component stays beneath it.

    Returns:
        A new descriptor, closed on exec.

    Raises:
        OSError: EXDEV where the path leads out of `folder`, or through an absolute link wherever that leads; ENOSYS where
            the kernel, EPERM where a system call filter does not know openat2; else as for open(2).
    """
    if b"\0" in path:
        raise ValueError("embedded null byte")
    how = _how(flags)
    for _ in range(MAX_TRIES):
        descriptor = int(_syscall(SYSCALL_NUMBER, folder, path, how, HOW_BYTES))
        if descriptor >= 0:
            return descriptor
        code = ctypes.get_errno()
        if code not in (errno.EAGAIN, errno.EINTR):
            break
    raise OSError(code, os.strerror(code))
