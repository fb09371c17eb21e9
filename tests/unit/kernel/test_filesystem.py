from __future__ import annotations

from pathlib import Path

import pytest

from wan_healthd.kernel.filesystem import direct_alignment, filesystem_magic, is_compressed


def test_the_kernels_own_file_systems_are_recognised() -> None:
    for path, magic in (("/proc/self/stat", 0x9FA0), ("/dev/shm", 0x01021994)):
        if Path(path).is_file():
            with Path(path).open("rb") as file:
                assert filesystem_magic(file.fileno()) == magic


def test_a_closed_descriptor_is_an_error_or_says_nothing() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        filesystem_magic(9999)
    assert direct_alignment(9999) is None
    assert not is_compressed(9999)
