"""What a read proves: one rule.

Only a direct read proves what the disk holds, and not every read that was asked for as direct is one. ext4 and xfs say so
beforehand (`statx`), or are not accused without evidence. btrfs silently reads compressed and inline extents through the
page cache, so there a stretch proves something only if no page of it was in memory before and none after. Elsewhere nothing
is proven: overlay answers for what lies below, FUSE and network file systems ask somebody else's cache. In a virtual machine
the host may still answer from its memory; nobody inside can tell.
"""

from __future__ import annotations

from wan_healthd.domain.digests import Assurance
from wan_healthd.kernel.filesystem import BTRFS_MAGIC, EXT_MAGIC, RAMFS_MAGIC, TMPFS_MAGIC, XFS_MAGIC

READS_DISK_DIRECTLY = frozenset({EXT_MAGIC, XFS_MAGIC})
SHOWS_WHAT_IT_CACHES = frozenset({BTRFS_MAGIC})
"""On a disk of this machine, with no cache but the page cache."""
LIVES_IN_MEMORY = frozenset({TMPFS_MAGIC, RAMFS_MAGIC})


def assure(filesystem: int, *, direct: bool, before: int | None, after: int | None) -> Assurance:
    """The assurance of a stretch of a file.

    Args:
        filesystem: `f_type`.
        direct: whether it was read with O_DIRECT, as far as anybody said.
        before: how many of its pages were in memory before the read; None where nobody may know.
        after: and after it.
    """
    if not direct or filesystem in LIVES_IN_MEMORY or has_grown(before, after):
        return Assurance.MEMORY
    passed_by = before == 0 and after == 0
    if filesystem in READS_DISK_DIRECTLY or (filesystem in SHOWS_WHAT_IT_CACHES and passed_by):
        return Assurance.DISK
    return Assurance.UNPROVEN


def has_grown(before: int | None, after: int | None) -> bool:
    """Whether the read filled the page cache, or somebody else did meanwhile; it is not accused where nobody may know."""
    return before is not None and after is not None and after > before
