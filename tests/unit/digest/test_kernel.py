from __future__ import annotations

import threading
from pathlib import Path

import psutil
import pytest

from wan_healthd.digest.kernel import filesystem_magic, yield_disk
from wan_healthd.domain.ports import ReadMode


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(ReadMode.FULL, (0, 0)), (ReadMode.POLITE, (2, 7)), (ReadMode.IDLE, (3, 0))],
)
def test_a_mode_lowers_the_priority_of_its_own_thread_only(mode: ReadMode, expected: tuple[int, int]) -> None:
    found: list[tuple[int, int]] = []

    def work() -> None:
        yield_disk(mode)
        priority = psutil.Process(threading.get_native_id()).ionice()
        found.append((int(priority.ioclass), priority.value))

    before = psutil.Process().ionice()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [expected]
    assert psutil.Process().ionice() == before


def test_the_kernels_own_file_systems_are_recognised() -> None:
    for path, magic in (("/proc/self/stat", 0x9FA0), ("/dev/shm", 0x01021994)):
        if Path(path).is_file():
            with Path(path).open("rb") as file:
                assert filesystem_magic(file.fileno()) == magic


def test_a_closed_descriptor_is_an_error() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        filesystem_magic(9999)
