"""What a file system says of an open file: which it is, how it can be read directly, whether it keeps the file compressed."""

from __future__ import annotations

import ctypes

from wan_healthd.kernel.calls import checked, libc

EXT_MAGIC = 0xEF53
"""`f_type` of ext2, ext3 and ext4 (linux/magic.h)."""
XFS_MAGIC = 0x58465342
BTRFS_MAGIC = 0x9123683E
TMPFS_MAGIC = 0x01021994
RAMFS_MAGIC = 0x858458F6
OVERLAY_MAGIC = 0x794C7630

_EMPTY_PATH = 0x1000
_STATX_DIOALIGN = 0x2000
_MASK_AT, _OFFSET_ALIGN_AT = 0, 156
"""Offsets of `stx_mask` and `stx_dio_offset_align` in `struct statx` (linux/stat.h), both unsigned 32 bits."""

_GET_FLAGS = 0x80086601
"""FS_IOC_GETFLAGS of linux/fs.h, where a long has 64 bits."""
_COMPRESSED = 0x4

_statx = getattr(libc, "statx", None)


class _StatFs(ctypes.Structure):
    """The start of `struct statfs`; the rest is only room for what the kernel writes (120 bytes on 64-bit Linux)."""

    _fields_ = (("f_type", ctypes.c_long), ("rest", ctypes.c_byte * 248))


def filesystem_magic(descriptor: int) -> int:
    """`f_type` of the file system that holds the open file.

    Raises:
        OSError: the system refuses to tell.
    """
    answer = _StatFs()
    checked(libc.fstatfs(descriptor, ctypes.byref(answer)))
    return int(answer.f_type) & 0xFFFFFFFF


def direct_alignment(descriptor: int) -> int | None:
    """To how many bytes offset and length of a direct read must be aligned: statx(STATX_DIOALIGN), Linux 6.1.

    Returns:
        0 where O_DIRECT is accepted but reads go through the page cache (ext4 with data=journal, inline data, encryption or
        verity); None where kernel or file system do not say.
    """
    answer = (ctypes.c_uint8 * 256)()
    if _statx is None or _statx(descriptor, b"", _EMPTY_PATH, _STATX_DIOALIGN, answer) != 0:
        return None
    said = ctypes.c_uint32.from_buffer(answer, _MASK_AT).value & _STATX_DIOALIGN
    return ctypes.c_uint32.from_buffer(answer, _OFFSET_ALIGN_AT).value if said else None


def is_compressed(descriptor: int) -> bool:
    """Whether the file system says that it keeps the open file compressed."""
    flags = ctypes.c_long()
    return libc.ioctl(descriptor, _GET_FLAGS, ctypes.byref(flags)) == 0 and bool(flags.value & _COMPRESSED)
