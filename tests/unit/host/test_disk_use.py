"""What disks have moved: read from the running kernel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from wan_healthd.host.disk_use import DiskUse, disks_below


def test_the_disk_below_a_folder(tmp_path: Path) -> None:
    disks = disks_below(os.fsencode(tmp_path))
    assert all(os.path.exists(f"{disk}/stat") and not os.path.exists(f"{disk}/partition") for disk in disks)


@pytest.mark.parametrize("folder", [b"/proc", b"/dev/shm", b"/nowhere"])
def test_no_disk_is_no_sample(folder: bytes) -> None:
    assert disks_below(folder) == frozenset()
    assert DiskUse([folder], FakeClock()).sample(None) is None


def test_our_own_share_grows_with_what_we_write(tmp_path: Path) -> None:
    use = DiskUse([os.fsencode(tmp_path)], FakeClock())
    before = use.sample(os.getpid())
    if before is None:
        pytest.skip("no disk is below the folder for temporary files, or the kernel does not count")
    with (tmp_path / "file").open("wb") as file:
        file.write(bytes(2 << 20))
        os.fsync(file.fileno())
    after = use.sample(None)
    assert after is not None and after.disk_bytes - before.disk_bytes >= 2 << 20
    assert before.own_bytes >= 0 and use.sample(2**22 + 1) is None
