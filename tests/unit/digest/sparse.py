"""Large files that cost nothing: reading one takes long enough to do something in the middle of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wan_healthd.domain.digests import Algorithm
from wan_healthd.domain.ports import ReadRequest

LONG_BYTES = 1 << 30
"""Half a second at the best of speeds; the first report of a read comes after a sixteenth of it."""


@contextmanager
def sparse_file(path: Path, size_bytes: int) -> Iterator[int]:
    """A file of zeros, open for reading."""
    with path.open("wb") as file:
        file.truncate(size_bytes)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def blocks_only(size_bytes: int) -> ReadRequest:
    """A scrub."""
    return ReadRequest(size_bytes, (Algorithm.BLAKE3_1M,))
