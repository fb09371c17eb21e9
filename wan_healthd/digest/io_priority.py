"""How the threads of a read make way for others at the disk."""

from __future__ import annotations

from contextlib import suppress

from wan_healthd.domain.ports import ReadMode
from wan_healthd.kernel.priority import LOWEST, IoClass, set_io_priority

_PLACE = {ReadMode.POLITE: (IoClass.BEST_EFFORT, LOWEST), ReadMode.IDLE: (IoClass.IDLE, 0)}


def yield_disk(mode: ReadMode) -> None:
    """Lower the calling thread's I/O priority as `mode` asks; a system that forbids it is obeyed without a word."""
    if mode in _PLACE:
        with suppress(OSError):
            set_io_priority(*_PLACE[mode])
