from __future__ import annotations

import pytest

from wan_healthd.digest.assurance import assure
from wan_healthd.domain.digests import Assurance

BTRFS, NFS, OVERLAY, FUSE = 0x9123683E, 0x6969, 0x794C7630, 0x65735546


@pytest.mark.parametrize(
    ("magic", "direct", "expected"),
    [
        (0xEF53, True, Assurance.DISK),
        (0x58465342, True, Assurance.DISK),
        (0xEF53, False, Assurance.MEMORY),
        (0x01021994, True, Assurance.MEMORY),
        (0x858458F6, True, Assurance.MEMORY),
        *((magic, True, Assurance.UNPROVEN) for magic in (BTRFS, NFS, OVERLAY, FUSE, 0)),
        *((magic, False, Assurance.MEMORY) for magic in (BTRFS, NFS, OVERLAY, FUSE, 0)),
    ],
)
def test_only_a_direct_read_of_a_known_disk_is_proof(magic: int, direct: bool, expected: Assurance) -> None:
    assert assure(magic, direct=direct) is expected
