"""The disk changes bytes by itself, beneath cached pages and with all times unchanged: on a real ext4, on a loop device."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.fakes.safetensors_files import sample
from tests.support.damage import edit, overwrite
from tests.support.rotting_disk import Disk
from tests.support.scans import Scan, scan

SIZE_BYTES = 6 << 20
BLOCK_BYTES = 1 << 20
IN_HEADER = 9
ROTTEN_AT = 3 * BLOCK_BYTES + 12_345


def test_rot_beneath_cached_pages_is_found_named_and_not_forgotten(disk: Disk, tmp_path: Path) -> None:
    folder, state = disk.mount / "models", tmp_path / "state.db"
    folder.mkdir()
    file = folder / "a.safetensors"
    file.write_bytes(sample(seed=7, size_bytes=SIZE_BYTES, tensors=40))
    intact = hashlib.sha256(file.read_bytes()).hexdigest()
    assert scan(folder, "--state", state).issues == []
    before = file.stat()

    disk.flip(file, ROTTEN_AT)

    assert hashlib.sha256(file.read_bytes()).hexdigest() == intact, "the page cache still tells everybody else that all is well"
    after = file.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns, after.st_size) == (before.st_mtime_ns, before.st_ctime_ns, before.st_size)
    assert scan(folder, "--state", state).issues == [], (
        "an incremental look reads nothing: it is the full one that must find it"
    )
    for arguments in (["--full"], []):  # what was found once is confirmed by reading it again, not forgotten
        assert_rot_is_named(scan(folder, "--state", state, *arguments), file)


def test_a_header_that_only_memory_got_wrong_is_read_from_the_disk_before_it_is_accused(disk: Disk, tmp_path: Path) -> None:
    file, state = disk.mount / "models" / "a.safetensors", tmp_path / "state.db"
    file.parent.mkdir()
    intact = sample(seed=7, size_bytes=SIZE_BYTES, tensors=40)
    file.write_bytes(intact)
    edit(file, overwrite(IN_HEADER, bytes([intact[IN_HEADER] ^ 1])))
    disk.flip(file, IN_HEADER)  # back again, on the disk alone
    assert file.read_bytes() != intact, "the page cache still has the flipped bit"

    answer = scan(file.parent, "--state", state)

    (issue,) = answer.issues
    assert (issue["code"], issue["corruption_type"], issue["cause"]) == ("transient-read", None, "transient")
    assert answer.status == 0
    assert answer.file(file)["sha256"] == hashlib.sha256(intact).hexdigest()


def assert_rot_is_named(answer: Scan, file: Path) -> None:
    (issue,) = answer.issues
    assert (issue["corruption_type"], issue["cause"], issue["path"]) == ("checksum_mismatch", "disk", str(file))
    assert issue["ranges"] == [{"offset": ROTTEN_AT // BLOCK_BYTES * BLOCK_BYTES, "length": BLOCK_BYTES}]
    assert issue["tensors"]
    assert answer.status == 1
