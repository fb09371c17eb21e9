from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest

from tests.support.residency import chill
from wan_healthd.kernel.page_cache import residency, resident_pages

PAGES = 64


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(PAGES * mmap.PAGESIZE))
    chill(path)
    return path


def read_pages(path: Path, first: int, count: int) -> None:
    with path.open("rb", buffering=0) as opened:
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        os.pread(opened.fileno(), count * mmap.PAGESIZE, first * mmap.PAGESIZE)


def test_both_calls_agree_on_what_was_read_and_asking_changes_nothing(file: Path) -> None:
    read_pages(file, 8, 3)
    with file.open("rb") as opened:
        for _ in range(2):
            vector = residency(opened.fileno(), 0, PAGES * mmap.PAGESIZE)
            assert [page for page, state in enumerate(vector) if state & 1] == [8, 9, 10]
            assert resident_pages(opened.fileno(), 0, PAGES * mmap.PAGESIZE) == 3
            assert resident_pages(opened.fileno(), 10 * mmap.PAGESIZE, mmap.PAGESIZE) == 1


def test_what_cannot_be_asked_is_an_error() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        resident_pages(9999, 0, mmap.PAGESIZE)
    with pytest.raises(OSError, match="Bad file descriptor"):
        residency(9999, 0, mmap.PAGESIZE)
