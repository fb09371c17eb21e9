"""What a file has in the page cache, by somebody else's word: fincore(1), which asks mincore(2)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def resident_bytes(path: Path) -> int:
    """Bytes of the file that are in memory; 0 of a file on an overlay means nothing."""
    told = subprocess.run(
        ["fincore", "--bytes", "--noheadings", "--output", "RES", path], capture_output=True, text=True, check=True, timeout=20
    )
    return int(told.stdout)


def chill(path: Path) -> None:
    """Write it to the disk, and leave nothing of it in memory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def warm(path: Path, offset: int, length: int) -> None:
    """Have these bytes in memory, and no others."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        os.pread(descriptor, length, offset)
    finally:
        os.close(descriptor)
