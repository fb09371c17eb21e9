"""Whether anybody may write to an open file: by a descriptor, by a mapping that outlives it, by none."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from wan_healthd.kernel.filesystem import filesystem_magic
from wan_healthd.kernel.writers import LEASED_FOR_ALL, is_written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


@pytest.fixture
def reader(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    if filesystem_magic(descriptor) not in LEASED_FOR_ALL:
        pytest.skip("nobody says on this file system")
    yield descriptor
    os.close(descriptor)


def test_writers_and_mappings_and_readers(path: Path, reader: int) -> None:
    with open(path, "rb"):
        assert not is_written(reader)
    with open(path, "r+b") as file:
        assert is_written(reader)
        mapping = mmap.mmap(file.fileno(), 0)
    with mapping:
        assert is_written(reader), "the mapping outlives the descriptor"
    assert not is_written(reader)


def test_nothing_is_left_in_the_way_of_a_writer(path: Path, reader: int) -> None:
    assert not is_written(reader)
    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))


def test_where_nobody_says() -> None:
    with open("/proc/self/status", "rb") as file:
        assert not is_written(file.fileno())
