"""What disks have moved since the machine started, and what we have: thin readers of /sys and /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from wan_healthd.domain.busy_disk import DiskSample
from wan_healthd.domain.ports import Clock
from wan_healthd.host.mounts import mount_table

BLOCK_DEVICES = "/sys/dev/block"
SECTOR_BYTES = 512
"""The kernel's unit in `stat`, whatever the disk's own is (Documentation/block/stat.rst)."""

READ_SECTORS, WRITTEN_SECTORS = 2, 6


class DiskUse:
    """Samples the disks below some folders; which these are is found out once.

    Args:
        folders: the roots. One without a disk (tmpfs, NFS, one that is away) is none that others could be kept from.
    """

    def __init__(self, folders: Iterable[bytes], clock: Clock) -> None:
        self._folders = tuple(folders)
        self._clock = clock
        self._disks: frozenset[str] | None = None

    def sample(self, worker_pid: int | None) -> DiskSample | None:
        """Now; None where the system does not tell, or there is no disk. Does not wait for any disk, but for the first call."""
        if self._disks is None:
            self._disks = frozenset(disk for folder in self._folders for disk in disks_below(folder))
        try:
            moved = sum(_moved_by_disk(disk) for disk in self._disks)
            own = sum(_moved_by(pid) for pid in ("self", worker_pid) if pid is not None)
        except (OSError, ValueError, IndexError):
            return None
        return DiskSample(self._clock.monotonic(), moved, own) if self._disks else None


def disks_below(folder: bytes) -> frozenset[str]:
    """Folders in /sys of the disks on which the folder's file system lies: below partitions, LVM, RAID and encryption."""
    try:
        device = os.stat(folder).st_dev
    except OSError:
        return frozenset()
    number = f"{os.major(device)}:{os.minor(device)}"
    if os.major(device) == 0:  # btrfs and others with a number of their own say by the mount table where they are
        source = next((mount.source for mount in mount_table() if mount.device == number), "")
        try:
            device = os.stat(source).st_rdev if source.startswith("/dev/") else 0
        except OSError:
            return frozenset()
        number = f"{os.major(device)}:{os.minor(device)}"
    return frozenset(_whole_disks(os.path.realpath(os.path.join(BLOCK_DEVICES, number))))


def _whole_disks(place: str) -> Iterator[str]:
    if os.path.exists(os.path.join(place, "partition")):
        place = os.path.dirname(place)
    try:
        below = os.listdir(os.path.join(place, "slaves"))
    except OSError:
        below = []
    for name in below:
        yield from _whole_disks(os.path.realpath(os.path.join(place, "slaves", name)))
    if not below and os.path.exists(os.path.join(place, "stat")):
        yield place


def _moved_by_disk(place: str) -> int:
    with open(os.path.join(place, "stat"), encoding="ascii") as stat:
        fields = stat.read().split()
    return (int(fields[READ_SECTORS]) + int(fields[WRITTEN_SECTORS])) * SECTOR_BYTES


def _moved_by(pid: str | int) -> int:
    """What a process had disks read and write (proc(5), `io`)."""
    with open(f"/proc/{pid}/io", encoding="ascii") as io:
        fields = dict(line.split(": ", 1) for line in io)
    return int(fields["read_bytes"]) + int(fields["write_bytes"])
