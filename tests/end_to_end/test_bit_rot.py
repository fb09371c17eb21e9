"""The disk changes bytes by itself, beneath cached pages and with all times unchanged: on a real ext4, on a loop device."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.scans import Scan, scan

SIZE_BYTES = 6 << 20
BLOCK_BYTES = 1 << 20
ROTTEN_AT = 3 * BLOCK_BYTES + 12_345


class Disk:
    """An ext4 file system in a file: what is written to the file changes the disk beneath whoever has it mounted."""

    def __init__(self, folder: Path) -> None:
        self.image, self.mount = folder / "disk.img", folder / "mnt"
        self.image.touch()
        os.truncate(self.image, 64 << 20)
        self.mount.mkdir()
        run("mkfs.ext4", "-q", "-F", "-b", "4096", self.image)

    def flip(self, file: Path, offset: int) -> None:
        """Flip one bit of the byte at `offset` of `file`, on the disk alone."""
        run("sync", "-f", file)
        told = run("filefrag", "-b4096", "-v", file)
        for first, last, physical in re.findall(r"^ *\d+: +(\d+)\.\. +(\d+): +(\d+)\.\.", told, re.MULTILINE):
            if int(first) <= offset // 4096 <= int(last):
                at = (int(physical) - int(first)) * 4096 + offset
                with self.image.open("r+b") as disk:
                    disk.seek(at)
                    (byte,) = disk.read(1)
                    disk.seek(at)
                    disk.write(bytes([byte ^ 1]))
                    os.fsync(disk.fileno())
                return
        raise AssertionError(f"filefrag tells of no extent that holds byte {offset}:\n{told}")


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    disk = Disk(tmp_path)
    mounted = subprocess.run(["mount", "-o", "loop", disk.image, disk.mount], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"this machine mounts no loop devices: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        run("umount", disk.mount)


def test_rot_beneath_cached_pages_is_found_named_and_not_forgotten(disk: Disk, tmp_path: Path) -> None:
    folder, state = disk.mount / "models", tmp_path / "state.db"
    folder.mkdir()
    file = folder / "a.safetensors"
    file.write_bytes(sample(seed=7, size_bytes=SIZE_BYTES, tensors=40))
    intact = hashlib.sha256(file.read_bytes()).hexdigest()
    assert scan(folder, "--state", state).issues == []
    before = file.stat()

    disk.flip(file, ROTTEN_AT)

    assert hashlib.sha256(file.read_bytes()).hexdigest() == intact, "the page cache still tells everybody else that all is well"
    after = file.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns, after.st_size) == (before.st_mtime_ns, before.st_ctime_ns, before.st_size)
    assert scan(folder, "--state", state).issues == [], (
        "an incremental look reads nothing: it is the full one that must find it"
    )
    for arguments in (["--full"], []):  # what was found once is confirmed by reading it again, not forgotten
        assert_rot_is_named(scan(folder, "--state", state, *arguments), file)


def assert_rot_is_named(answer: Scan, file: Path) -> None:
    (issue,) = answer.issues
    assert (issue["corruption_type"], issue["cause"], issue["path"]) == ("checksum_mismatch", "disk", str(file))
    assert issue["ranges"] == [{"offset": ROTTEN_AT // BLOCK_BYTES * BLOCK_BYTES, "length": BLOCK_BYTES}]
    assert issue["tensors"]
    assert answer.status == 1
