"""The place of a thread in the disk's queue: ioprio_set(2). Honoured by the schedulers mq-deadline and bfq, not by "none"."""

from __future__ import annotations

import errno
import os
import platform
from enum import IntEnum

from wan_healthd.kernel.calls import checked, libc

_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}.get(platform.machine())
_WHO_PROCESS = 1
_CALLING_THREAD = 0
_CLASS_SHIFT = 13

LOWEST = 7
"""The last of the eight levels of a class."""


class IoClass(IntEnum):
    """Classes that anybody may choose."""

    BEST_EFFORT = 2
    IDLE = 3


def set_io_priority(io_class: IoClass, level: int = 0) -> None:
    """For the calling thread, and those that it starts from now on.

    Raises:
        OSError: it is forbidden here; ENOSYS on a machine whose number of the call is not known.
    """
    if _IOPRIO_SET is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    checked(libc.syscall(_IOPRIO_SET, _WHO_PROCESS, _CALLING_THREAD, io_class << _CLASS_SHIFT | level))
