"""A real file system on a loop device, whose bytes change by themselves: beneath cached pages, with all times unchanged."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

PATIENCE_S = 20.0


class Kind(NamedTuple):
    """How to make a file system in an image, and how to mount it."""

    mkfs: tuple[str, ...]
    options: str = ""
    size_bytes: int = 64 << 20

    @property
    def is_known(self) -> bool:
        """Whether this kernel has the file system built in or loaded."""
        return f"\t{self.mkfs[0].removeprefix('mkfs.')}\n" in Path("/proc/filesystems").read_text()


EXT4 = Kind(("mkfs.ext4", "-q", "-F", "-b", "4096"))
EXT4_JOURNALS_DATA = EXT4._replace(options=",data=journal")
EXT4_INLINE = EXT4._replace(mkfs=(*EXT4.mkfs, "-I", "1024", "-O", "inline_data"))
XFS = Kind(("mkfs.xfs", "-q", "-f"), size_bytes=320 << 20)
BTRFS = Kind(("mkfs.btrfs", "-q", "-f"), size_bytes=320 << 20)
BTRFS_COMPRESSED = BTRFS._replace(options=",compress-force=zstd")


class Disk:
    """A file system in a file: what is written to the file changes the disk beneath whoever has it mounted."""

    def __init__(self, folder: Path, kind: Kind = EXT4) -> None:
        self.image, self.mount = folder / "disk.img", folder / "mnt"
        self.image.touch()
        os.truncate(self.image, kind.size_bytes)
        self.mount.mkdir()
        run(*kind.mkfs, self.image)

    def flip(self, file: Path, offset: int) -> None:
        """Flip one bit of the byte at `offset` of `file`, on the disk alone."""
        at = self.place(file, offset)
        with self.image.open("r+b") as disk:
            disk.seek(at)
            (byte,) = disk.read(1)
            disk.seek(at)
            disk.write(bytes([byte ^ 1]))
            os.fsync(disk.fileno())

    def place(self, file: Path, offset: int) -> int:
        """Where in the image the byte at `offset` of `file` is."""
        run("sync", "-f", file)
        told = run("filefrag", "-b4096", "-v", file)
        for first, last, physical in re.findall(r"^ *\d+: +(\d+)\.\. +(\d+): +(\d+)\.\.", told, re.MULTILINE):
            if int(first) <= offset // 4096 <= int(last):
                return (int(physical) - int(first)) * 4096 + offset
        raise AssertionError(f"filefrag tells of no extent that holds byte {offset}:\n{told}")


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def unmount(point: Path) -> None:
    """As soon as nobody uses it: what a process leaves behind that just ended may hold on to it for a moment."""
    deadline = time.monotonic() + PATIENCE_S
    while subprocess.run(["umount", point], capture_output=True, timeout=30, check=False).returncode:
        if time.monotonic() > deadline:
            run("umount", point)
        time.sleep(0.05)


@contextmanager
def mounted(folder: Path, kind: Kind = EXT4) -> Iterator[Disk]:
    """Such a disk below `folder`, as long as the block lasts; where none can be mounted the test is skipped."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    disk = Disk(folder, kind)
    options = f"loop{kind.options}"
    done = subprocess.run(["mount", "-o", options, disk.image, disk.mount], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"this machine mounts no loop devices: {done.stderr.strip()}")
    try:
        yield disk
    finally:
        unmount(disk.mount)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted(tmp_path) as made:
        yield made
