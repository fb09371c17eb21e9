"""What a read proves: one rule."""

from __future__ import annotations

from wan_healthd.domain.digests import Assurance

EXT_MAGIC = 0xEF53
"""`f_type` of ext2, ext3 and ext4 (linux/magic.h)."""
XFS_MAGIC = 0x58465342
TMPFS_MAGIC = 0x01021994
RAMFS_MAGIC = 0x858458F6

READS_DISK_DIRECTLY = frozenset({EXT_MAGIC, XFS_MAGIC})
LIVES_IN_MEMORY = frozenset({TMPFS_MAGIC, RAMFS_MAGIC})


def assure(filesystem_magic: int, *, direct: bool) -> Assurance:
    """The assurance of bytes that were read with O_DIRECT (`direct`) or through the page cache.

    On ext and xfs O_DIRECT means the disk. Elsewhere it proves nothing: btrfs opens compressed files with it and reads
    them through the cache, overlay answers for what lies below, and a network file system asks another machine's cache.
    """
    if not direct or filesystem_magic in LIVES_IN_MEMORY:
        return Assurance.MEMORY
    return Assurance.DISK if filesystem_magic in READS_DISK_DIRECTLY else Assurance.UNPROVEN
