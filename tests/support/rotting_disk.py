"""A real ext4 on a loop device, whose bytes change by themselves: beneath cached pages, with all times unchanged."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


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
