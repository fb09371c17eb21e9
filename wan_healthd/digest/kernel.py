"""The two kernel calls that Python does not offer: `fstatfs` for the file system's type, `ioprio_set` for a thread's I/O."""

from __future__ import annotations

import ctypes
import os
import platform

from wan_healthd.domain.ports import ReadMode

_libc = ctypes.CDLL(None, use_errno=True)

_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}.get(platform.machine())
_WHO_PROCESS = 1
_CALLING_THREAD = 0
_CLASS_SHIFT = 13
_PRIORITY = {ReadMode.POLITE: 2 << _CLASS_SHIFT | 7, ReadMode.IDLE: 3 << _CLASS_SHIFT}
"""ioprio_set(2): best effort at its lowest level; the idle class."""


class _StatFs(ctypes.Structure):
    """The start of `struct statfs`; the rest is only room for what the kernel writes (120 bytes on 64-bit Linux)."""

    _fields_ = (("f_type", ctypes.c_long), ("rest", ctypes.c_byte * 248))


def filesystem_magic(descriptor: int) -> int:
    """`f_type` of the file system that holds the open file.

    Raises:
        OSError: the system refuses to tell.
    """
    answer = _StatFs()
    if _libc.fstatfs(descriptor, ctypes.byref(answer)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(answer.f_type) & 0xFFFFFFFF


def yield_disk(mode: ReadMode) -> None:
    """Lower the calling thread's I/O priority as `mode` asks; a system that forbids it is obeyed without a word.

    Honoured by the mq-deadline and bfq schedulers, not by "none".
    """
    if _IOPRIO_SET is not None and mode in _PRIORITY:
        _libc.syscall(_IOPRIO_SET, _WHO_PROCESS, _CALLING_THREAD, _PRIORITY[mode])
