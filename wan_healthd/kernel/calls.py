"""The C library, and how a call that was refused becomes an exception."""

from __future__ import annotations

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def checked(answer: int) -> int:
    """What a call gave. Raises OSError where that is -1."""
    if answer == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer
