"""A name for each file system that outlives reboots, unlike its device number."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import weakref
from collections.abc import Iterator

from wan_healthd.domain.paths import printable
from wan_healthd.host.eventless import why_eventless
from wan_healthd.host.mounts import MOUNT_TABLE, Mount, main_point, mount_of, mount_table
from wan_healthd.host.volume_ids import uuid_of_descriptor, uuid_of_source


class FileSystems:
    """Names file systems.

    "uuid:…" by the kernel's or udev's word; else "TYPE:SOURCE", with the mount point where the source does not tell one from
    another; "dev:MAJOR:MINOR", which a reboot may change, only if nothing else is known. A btrfs subvolume adds its number,
    since inode numbers repeat across subvolumes.

    Names are remembered by device number for as long as the mount table stays as it is: a device number may be given to
    another file system as soon as the first one is unmounted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[int, str] = {}
        self._table = os.open(MOUNT_TABLE, os.O_RDONLY | os.O_CLOEXEC)
        self._changes = select.poll()
        self._changes.register(self._table, select.POLLPRI)
        self._finalizer = weakref.finalize(self, os.close, self._table)

    def name(self, descriptor: int, device: int) -> str:
        """The name of the file system that an open file (O_PATH will do) is on; `device` is the file's `st_dev`.

        Blocks as long as opening the mount point does, if it was not asked for before.
        """
        with self._lock:
            if self._changes.poll(0):
                self._names = {}
            names = self._names
        known = names.get(device)
        if known is None:
            # Outside the lock: one dead mount must not hold up the others. `names` is the dictionary of the table as it
            # was before; if it changes meanwhile, this answer is forgotten with it.
            known = names[device] = _find_name(descriptor, device)
        return known

    def close(self) -> None:
        """Let go of the mount table."""
        self._finalizer()


def mounted_names() -> frozenset[str]:
    """Names of all file systems that are mounted in this mount namespace."""
    table = mount_table()
    return frozenset(name for mount in table for name in _names_of(mount, table))


def _names_of(mount: Mount, table: list[Mount]) -> Iterator[str]:
    """The name without a UUID always, since a file may have been seen when nobody knew the UUID."""
    yield printable(_name_without_uuid(mount, table))
    local = why_eventless(mount.kind) is None and mount.kind != "autofs"  # whose servers may be silent, and what would wake
    uuid = uuid_of_source(mount.source) or (_uuid_at_mount(mount, table) if local else None)
    if uuid:
        yield printable(f"uuid:{uuid}")


def _find_name(descriptor: int, device: int) -> str:
    table = mount_table()
    mount = mount_of(descriptor, table)
    if mount is None:
        return f"dev:{os.major(device)}:{os.minor(device)}"
    uuid = uuid_of_descriptor(descriptor) or _uuid_at_mount(mount, table) or uuid_of_source(mount.source)
    name = f"uuid:{uuid}" if uuid else _name_without_uuid(mount, table)
    return printable(f"{name}:{_subvolume(descriptor)}" if mount.kind == "btrfs" else name)


def _uuid_at_mount(mount: Mount, table: list[Mount]) -> str | None:
    """The UUID as asked at the mount point: a file that is only looked at (O_PATH) cannot be asked itself."""
    with contextlib.suppress(OSError):
        folder = os.open(mount.point, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if mount_of(folder, table) == mount:  # nothing else is mounted over it
                return uuid_of_descriptor(folder)
        finally:
            os.close(folder)
    return None


def _name_without_uuid(mount: Mount, table: list[Mount]) -> str:
    name = f"{mount.kind}:{mount.source}"
    return name if mount.source_is_distinctive else f"{name}@{main_point(mount, table)}"


def _subvolume(descriptor: int) -> str:
    """Btrfs mixes the subvolume's number into f_fsid, and nothing that changes (fs/btrfs/super.c, btrfs_statfs)."""
    try:
        return f"{os.fstatvfs(descriptor).f_fsid:x}"
    except OSError:
        return "unknown"
