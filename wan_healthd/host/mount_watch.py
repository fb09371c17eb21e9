"""Where something was mounted or unmounted, by what changes in the mount table. Inotify tells of neither."""

from __future__ import annotations

import os
import select

from wan_healthd.host.mounts import MOUNT_TABLE, Mount, mount_table


class MountWatch:
    """Looks at the mount table only when the kernel says that it changed (proc(5): POLLPRI).

    Where /proc does not tell, nothing ever changes.
    """

    def __init__(self) -> None:
        self._changes = select.poll()
        try:
            self._descriptor: int | None = os.open(MOUNT_TABLE, os.O_RDONLY | os.O_CLOEXEC)
            self._changes.register(self._descriptor, select.POLLPRI)
        except OSError:
            self._descriptor = None
        self._table = tuple(mount_table())

    @property
    def table(self) -> tuple[Mount, ...]:
        """The mount table as of the last look."""
        return self._table

    def changed_points(self) -> frozenset[bytes]:
        """Mount points that appeared, went, or show another file system since the last call.

        All of them, where something changed and nothing differs: the kernel uses the numbers of mounts and devices again, so
        that a disk which was unplugged and plugged in again meanwhile may look like the one before.
        """
        if self._descriptor is None or not self._changes.poll(0):
            return frozenset()
        before, self._table = self._table, tuple(mount_table())
        changed = set(before) ^ set(self._table)
        return frozenset(os.fsencode(mount.point) for mount in changed or self._table)

    def close(self) -> None:
        """Let go of the mount table."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
