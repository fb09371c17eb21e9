"""The mount table, as proc(5) describes /proc/self/mountinfo."""

from __future__ import annotations

import re

from msgspec import Struct

MOUNT_TABLE = "/proc/self/mountinfo"

_ESCAPE = re.compile(r"\\([0-7]{3})")
_SELF_EVIDENT_KINDS = frozenset({"zfs", "bcachefs"})


class Mount(Struct, frozen=True):
    """One row: `root` is the part of the file system that is mounted, `point` where, `kind` its type ("ext4")."""

    id: int
    device: str
    root: str
    point: str
    kind: str
    source: str

    @property
    def source_is_distinctive(self) -> bool:
        """Whether the source alone tells this file system from others: a device, a server's export, a pool's data set."""
        return (
            self.kind in _SELF_EVIDENT_KINDS
            or ":" in self.source
            or self.source.startswith("//")
            or (self.source.startswith("/dev/") and self.source != "/dev/fuse")
        )


def mount_table() -> list[Mount]:
    """All mounts of this mount namespace; none where /proc does not tell."""
    try:
        with open(MOUNT_TABLE, encoding="utf-8", errors="surrogateescape") as table:
            return [parse_row(line) for line in table]
    except (OSError, ValueError):
        return []


def mount_of(descriptor: int, table: list[Mount]) -> Mount | None:
    """The mount through which a file was opened; None where /proc does not tell."""
    try:
        own = _mount_id(descriptor)
    except (OSError, ValueError):
        return None
    return next((mount for mount in table if mount.id == own), None)


def main_point(mount: Mount, table: list[Mount]) -> str:
    """Where the file system of `mount` is mounted, the same for all of its mounts: the widest one, the first by its path."""
    return min((item.root.count("/"), item.root, item.point) for item in table if item.device == mount.device)[-1]


def parse_row(line: str) -> Mount:
    """One line of mountinfo.

    Raises:
        ValueError: it is not one.
    """
    fixed, _, tail = line.rstrip("\n").partition(" - ")
    number, _, device, root, point, *_ = fixed.split(" ")
    kind, source, *_ = tail.split(" ")
    return Mount(int(number), device, _unescape(root), _unescape(point), kind, _unescape(source))


def _unescape(field: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), field)


def _mount_id(descriptor: int) -> int:
    with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as facts:
        for line in facts:
            key, _, value = line.partition(":")
            if key == "mnt_id":
                return int(value)
    raise ValueError("the kernel is too old to tell mount ids")
