"""What the kernel says of direct reads of a file: `statx(STATX_DIOALIGN)`, since Linux 6.1 for ext4, xfs and f2fs."""

from __future__ import annotations

import ctypes

_EMPTY_PATH = 0x1000
_STATX_DIOALIGN = 0x2000
_MASK_AT, _OFFSET_ALIGN_AT = 0, 156
"""Offsets of `stx_mask` and `stx_dio_offset_align` in `struct statx` (linux/stat.h), both unsigned 32 bits."""

_statx = getattr(ctypes.CDLL(None, use_errno=True), "statx", None)


def direct_alignment(descriptor: int) -> int | None:
    """To how many bytes offset and length of a direct read must be aligned.

    Returns:
        0 where O_DIRECT is accepted but reads go through the page cache (ext4 with data=journal, inline data, encryption or
        verity); None where kernel or file system do not say.
    """
    answer = (ctypes.c_uint8 * 256)()
    if _statx is None or _statx(descriptor, b"", _EMPTY_PATH, _STATX_DIOALIGN, answer) != 0:
        return None
    said = ctypes.c_uint32.from_buffer(answer, _MASK_AT).value & _STATX_DIOALIGN
    return ctypes.c_uint32.from_buffer(answer, _OFFSET_ALIGN_AT).value if said else None
