"""UUIDs of file systems: from the kernel, else from what udev wrote down about the device."""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid

FS_IOC_GETFSUUID = 0x80111500
"""_IOR(0x15, 0, struct fsuuid2), Linux 6.9: one byte of length, then 16 bytes."""

UUID_BYTES = 16
UDEV_FOLDER = "/run/udev/data"
BY_UUID_FOLDER = "/dev/disk/by-uuid"


def uuid_of_descriptor(descriptor: int) -> str | None:
    """The kernel's own answer; None for O_PATH descriptors, for older kernels and for file systems without a UUID."""
    answer = bytearray(1 + UUID_BYTES)
    with contextlib.suppress(OSError):
        fcntl.ioctl(descriptor, FS_IOC_GETFSUUID, answer)
        if answer[0] == UUID_BYTES and any(answer[1:]):
            return str(uuid.UUID(bytes=bytes(answer[1:])))
    return None


def uuid_of_source(source: str, udev_folder: str = UDEV_FOLDER, by_uuid_folder: str = BY_UUID_FOLDER) -> str | None:
    """The UUID that udev found on the block device `source` ("/dev/sda1"); None where nothing is known of it."""
    if not source.startswith("/dev/"):
        return None
    try:
        device = os.stat(source).st_rdev
    except OSError:
        return None
    return _from_udev(device, udev_folder) or _from_links(device, by_uuid_folder)


def _from_udev(device: int, folder: str) -> str | None:
    with (
        contextlib.suppress(OSError),
        open(f"{folder}/b{os.major(device)}:{os.minor(device)}", encoding="utf-8", errors="replace") as facts,
    ):
        for line in facts:
            key, _, value = line.rstrip("\n").partition("=")
            if key == "E:ID_FS_UUID" and value:
                return value
    return None


def _from_links(device: int, folder: str) -> str | None:
    with contextlib.suppress(OSError), os.scandir(folder) as links:
        for link in links:
            with contextlib.suppress(OSError):
                if link.stat().st_rdev == device:
                    return link.name
    return None
