from __future__ import annotations

import threading

import psutil
import pytest

from wan_healthd.digest.io_priority import yield_disk
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
