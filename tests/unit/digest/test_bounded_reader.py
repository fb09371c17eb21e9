"""Small reads, by the descriptor itself or by a way past the page cache."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from wan_healthd.digest.bounded_reader import BoundedReader
from wan_healthd.digest.disk_file import DiskFile, Got, Stamp
from wan_healthd.domain.digests import Assurance

CONTENT = os.urandom(10_000)
PLACES = [(0, 8), (0, 0), (4095, 2), (4096, 4096), (9_990, 10), (9_990, 99), (10_000, 5), (20_000, 5), (0, 10_000), (1, 99_999)]


class BadSector:
    """A `Source` that refuses everything."""

    alignment = 4096
    assurance = Assurance.DISK

    def stamp(self) -> Stamp:
        return 1, 2, 3, 4

    def read(self, memory: memoryview, offset: int, length: int) -> Got:
        kept = memory[:length]  # what the traceback of the error holds
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(kept))


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "file").write_bytes(CONTENT)
    opened = os.open(tmp_path / "file", os.O_RDONLY)
    yield opened
    os.close(opened)


@pytest.mark.parametrize(("offset", "length"), PLACES)
def test_both_ways_give_what_is_there(descriptor: int, offset: int, length: int) -> None:
    wanted = CONTENT[offset : offset + length]
    assert BoundedReader(descriptor).read(offset, length) == wanted
    with closing(DiskFile(descriptor)) as source:
        assert BoundedReader(descriptor, source).read(offset, length) == wanted
    assert BoundedReader(descriptor).read(offset, length) == wanted, "although O_DIRECT is set now"


def test_the_storages_error_comes_through(descriptor: int) -> None:
    with pytest.raises(OSError, match="Input/output") as refusal:
        BoundedReader(descriptor, BadSector()).read(5, 5000)
    assert refusal.value.errno == errno.EIO
