from __future__ import annotations

import pytest

from wan_healthd.digest.assurance import assure
from wan_healthd.domain.digests import Assurance

EXT4, XFS, BTRFS, TMPFS, RAMFS = 0xEF53, 0x58465342, 0x9123683E, 0x01021994, 0x858458F6
NFS, OVERLAY, FUSE, ZFS, UNKNOWN = 0x6969, 0x794C7630, 0x65735546, 0x2FC12FC1, 0
OTHERS = (NFS, OVERLAY, FUSE, ZFS, UNKNOWN)
EVERYWHERE = (EXT4, XFS, BTRFS, TMPFS, RAMFS, *OTHERS)
COUNTS = (None, 0, 3, 1024)


@pytest.mark.parametrize(
    ("filesystem", "before", "after", "expected"),
    [
        *((filesystem, pages, pages, Assurance.DISK) for filesystem in (EXT4, XFS) for pages in COUNTS),
        *((filesystem, pages, pages, Assurance.MEMORY) for filesystem in (TMPFS, RAMFS) for pages in COUNTS),
        *((filesystem, pages, pages, Assurance.UNPROVEN) for filesystem in OTHERS for pages in COUNTS),
        (BTRFS, 0, 0, Assurance.DISK),
        *((BTRFS, pages, pages, Assurance.UNPROVEN) for pages in (None, 3, 1024)),
        (BTRFS, 3, 0, Assurance.UNPROVEN),  # what was read from memory may be gone from there now
        *((filesystem, 0, 1, Assurance.MEMORY) for filesystem in EVERYWHERE),
        *((filesystem, 3, 1024, Assurance.MEMORY) for filesystem in EVERYWHERE),
    ],
)
def test_a_direct_read_proves_what_file_system_and_page_cache_let_it_prove(
    filesystem: int, before: int | None, after: int | None, expected: Assurance
) -> None:
    assert assure(filesystem, direct=True, before=before, after=after) is expected


@pytest.mark.parametrize("filesystem", EVERYWHERE)
def test_a_read_that_is_not_direct_proves_nothing_of_the_disk(filesystem: int) -> None:
    assert {assure(filesystem, direct=False, before=pages, after=pages) for pages in COUNTS} == {Assurance.MEMORY}
