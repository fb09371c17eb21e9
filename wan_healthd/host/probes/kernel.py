"""The kernel's answers to calls that Python does not offer, each tried once: None for "granted", else the error's name."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import threading

from wan_healthd.host.threads import spawn

_libc = ctypes.CDLL(None, use_errno=True)

CACHESTAT = 451
"""The same number on every architecture (Linux 6.5)."""
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}.get(platform.machine())
_STATX = {"x86_64": 332, "aarch64": 291}.get(platform.machine())
_WHO_PROCESS, _IDLE_CLASS = 1, 3 << 13
_STATX_DIOALIGN, _AT_EMPTY_PATH = 0x2000, 0x1000
_DIO_OFFSETS = slice(0x98, 0xA0)
"""stx_dio_mem_align and stx_dio_offset_align in struct statx (linux/stat.h), 32 bits each."""
_STATX_BYTES = 256
_FS_IOC_GETFLAGS = 0x80086601
_COMPRESSED = 0x4
_TRIAL_S = 2.0


def refusal(number: int) -> str:
    """The name of an error."""
    return errno.errorcode.get(number, str(number))


def cachestat(descriptor: int) -> str | None:
    """Whether the kernel tells by cachestat what of an open file is in memory."""
    everything, answer = (ctypes.c_uint64 * 2)(0, 0), (ctypes.c_uint64 * 5)()
    done = _libc.syscall(CACHESTAT, descriptor, ctypes.byref(everything), ctypes.byref(answer), 0)
    return None if done == 0 else refusal(ctypes.get_errno())


def mincore(descriptor: int, length: int) -> str | None:
    """Whether it tells by mincore whether the first page is, over a mapping that is never touched."""
    if not length:
        return None
    area = mmap.mmap(descriptor, min(length, mmap.PAGESIZE), access=mmap.ACCESS_COPY)
    try:
        view = (ctypes.c_char * len(area)).from_buffer(area)
        done = _libc.mincore(
            ctypes.c_void_p(ctypes.addressof(view)), ctypes.c_size_t(len(area)), ctypes.create_string_buffer(1)
        )
        number = ctypes.get_errno()
        del view
        return None if done == 0 else refusal(number)
    finally:
        area.close()


def alignment(descriptor: int) -> int | None:
    """What direct reads of an open file must be aligned to, in bytes; 0: there are none; None: the kernel does not say."""
    if _STATX is None:
        return None
    answer = ctypes.create_string_buffer(_STATX_BYTES)
    if _libc.syscall(_STATX, descriptor, b"", _AT_EMPTY_PATH, _STATX_DIOALIGN, answer):
        return None
    mask = int.from_bytes(answer.raw[:4], "little")
    pair = answer.raw[_DIO_OFFSETS]
    return max(int.from_bytes(pair[:4], "little"), int.from_bytes(pair[4:], "little")) if mask & _STATX_DIOALIGN else None


def is_compressed(descriptor: int) -> bool:
    """Whether the file system says that it keeps the open file compressed."""
    flags = ctypes.c_long()
    return _libc.ioctl(descriptor, _FS_IOC_GETFLAGS, ctypes.byref(flags)) == 0 and bool(flags.value & _COMPRESSED)


def idle_priorities() -> tuple[str | None, str | None]:
    """What the system says to SCHED_IDLE and to the idle I/O class, in a thread that ends with it: there may be no way back."""
    said: list[tuple[str | None, str | None]] = []
    is_said = threading.Event()

    def attempt() -> None:
        said.append((_idle_cpu(), _idle_io()))
        is_said.set()

    spawn("wan-doctor", attempt)
    is_said.wait(_TRIAL_S)
    return said[0] if said else ("ETIMEDOUT", "ETIMEDOUT")


def _idle_cpu() -> str | None:
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except OSError as error:
        return refusal(error.errno or 0)
    return None


def _idle_io() -> str | None:
    if _IOPRIO_SET is None:
        return "ENOSYS"
    done = _libc.syscall(_IOPRIO_SET, _WHO_PROCESS, 0, _IDLE_CLASS)
    return None if done == 0 else refusal(ctypes.get_errno())
