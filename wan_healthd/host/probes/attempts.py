"""What the kernel says to calls that not every system allows, each tried: None for "granted", else the name of the error."""

from __future__ import annotations

import errno
import mmap
import os
import threading
from collections.abc import Callable

from wan_healthd.host.threads import spawn
from wan_healthd.kernel.page_cache import residency, resident_pages
from wan_healthd.kernel.priority import IoClass, set_io_priority

_TRIAL_S = 2.0
_NICEST = 19


def refusal(number: int) -> str:
    """The name of an error."""
    return errno.errorcode.get(number, str(number))


def cachestat(descriptor: int) -> str | None:
    """Whether the kernel tells by cachestat what of an open file is in memory."""
    return _refusal_of(lambda: resident_pages(descriptor, 0, mmap.PAGESIZE))


def mincore(descriptor: int) -> str | None:
    """Whether it tells by mincore whether the first page is."""
    return _refusal_of(lambda: residency(descriptor, 0, mmap.PAGESIZE))


def last_in_line() -> tuple[str | None, str | None]:
    """What the system says to niceness and to the idle I/O class, in a thread that ends with it: there may be no way back."""
    said: list[tuple[str | None, str | None]] = []
    is_said = threading.Event()

    def attempt() -> None:
        niceness = _refusal_of(lambda: os.nice(_NICEST))
        said.append((niceness, _refusal_of(lambda: set_io_priority(IoClass.IDLE))))
        is_said.set()

    spawn("wan-doctor", attempt)
    is_said.wait(_TRIAL_S)
    return said[0] if said else ("ETIMEDOUT", "ETIMEDOUT")


def _refusal_of(attempt: Callable[[], object]) -> str | None:
    try:
        attempt()
    except OSError as error:
        return refusal(error.errno or 0)
    return None
