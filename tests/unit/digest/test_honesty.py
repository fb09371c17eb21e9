"""What reads prove and leave behind on real file systems: the label never promises more than the kernel did."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from blake3 import blake3

from tests.support.bad_disk import bad_disk
from tests.support.damage import edit, overwrite
from tests.support.residency import chill, resident_bytes, warm
from tests.support.rotting_disk import (
    BTRFS,
    BTRFS_COMPRESSED,
    EXT4,
    EXT4_INLINE,
    EXT4_JOURNALS_DATA,
    XFS,
    Kind,
    mounted,
    run,
)
from tests.support.unprivileged import Unprivileged
from wan_healthd.digest.disk_file import DiskFile
from wan_healthd.digest.reading import Reading
from wan_healthd.digest.slots import SlotPool
from wan_healthd.domain.digests import BLOCK_BYTES, Algorithm, Assurance, block_count, weakest
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import BlockRun, ReadMode, ReadOutcome, ReadRequest

MIB = 1 << 20
SMALL = b"hello" * 20
CONTENT = b"".join(hashlib.shake_128(b"%d" % page).digest(512) + bytes(3584) for page in range(2304)) + b"tail" * 30
"""9 MiB and a little, which compress well."""
HOT_BYTES = 4 * MIB
SOME_BYTES = 300 << 10
ROTS = int(os.environ.get("WAN_ROTS", "5"))
"""How often the disk rots in one test; the full measure is 100."""
POOL = SlotPool()
DISK, MEMORY, UNPROVEN = Assurance.DISK, Assurance.MEMORY, Assurance.UNPROVEN
BELOW_OVERLAYS = ((EXT4, UNPROVEN), (BTRFS_COMPRESSED, MEMORY))
WITH_REFLINKS = ((XFS, {DISK}), (BTRFS, {DISK, UNPROVEN}))
"""And what a copy proves of which a part is in memory."""
STRANGER = """
from wan_healthd.digest.disk_file import DiskFile
from wan_healthd.digest.residency import Residency
source = DiskFile(0)
got = source.read(memoryview(bytearray(1 << 20)), 8 << 20, 1 << 20)
print(Residency(0, 0).pages(0, 9 << 20), got.assurance.value)
"""


class Heard:
    """Digests and labels by block."""

    def __init__(self) -> None:
        self.digests: dict[int, bytes] = {}
        self.labels: dict[int, Assurance] = {}

    def run(self, run: BlockRun) -> None:
        for place, block in enumerate(range(run.first_block, run.end_block)):
            self.digests[block] = run.digests[place * 32 : place * 32 + 32]
            self.labels[block] = run.assurance

    def pulse(self, bytes_read: int) -> None:
        pass


def read(path: Path, mode: ReadMode = ReadMode.FULL) -> tuple[ReadOutcome, Heard]:
    heard = Heard()
    size_bytes = path.stat().st_size
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with closing(DiskFile(descriptor)) as source:
            request = ReadRequest(size_bytes, (Algorithm.SHA256, Algorithm.BLAKE3_1M), mode)
            return Reading(source, request, POOL, heard).outcome(), heard
    finally:
        os.close(descriptor)


def digests_of(content: bytes) -> dict[int, bytes]:
    blocks = range(block_count(len(content)))
    return {block: blake3(content[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES]).digest() for block in blocks}


def put(path: Path, content: bytes = CONTENT) -> Path:
    path.write_bytes(content)
    chill(path)
    return path


@contextmanager
def overlay(folder: Path, point: Path) -> Iterator[Path]:
    """Over `folder`/lower, as containers have it."""
    for made in (folder / "lower", folder / "upper", folder / "work", point):
        made.mkdir()
    options = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
    run("mount", "-t", "overlay", "-o", options, "overlay", point)
    try:
        yield point
    finally:
        run("umount", point)


def known(*kinds: Kind) -> list[Kind]:
    return [kind for kind in kinds if kind.is_known]


def labels(path: Path, content: bytes = CONTENT) -> set[Assurance]:
    """How `path` was read, which must give every digest of `content` and leave the page cache as it was."""
    before = resident_bytes(path)
    outcome, heard = read(path)
    assert abs(resident_bytes(path) - before) <= len(content) // 100
    assert outcome.sha256 == hashlib.sha256(content).hexdigest()
    assert heard.digests == digests_of(content)
    found = set(heard.labels.values())
    assert outcome.assurance is weakest(frozenset(found))
    return found


@contextmanager
def hot_neighbour(folder: Path) -> Iterator[None]:
    """A file that somebody has in memory, and still has when the block ends."""
    neighbour = put(folder / "hot")
    warm(neighbour, 0, len(CONTENT))
    yield
    assert resident_bytes(neighbour) >= len(CONTENT) * 99 // 100


@contextmanager
def bound(folder: Path, point: Path) -> Iterator[Path]:
    """`folder` once more, at `point`."""
    point.mkdir()
    run("mount", "--bind", folder, point)
    try:
        yield point
    finally:
        run("umount", point)


@pytest.mark.parametrize("kind", known(EXT4, XFS))
def test_a_direct_read_proves_the_disk_whatever_is_in_memory(tmp_path: Path, kind: Kind) -> None:
    with mounted(tmp_path, kind) as disk, hot_neighbour(disk.mount):
        path = put(disk.mount / "file")
        for hot_bytes in (0, HOT_BYTES, len(CONTENT)):
            warm(path, 0, hot_bytes)
            assert labels(path) == {DISK}
        assert labels(put(disk.mount / "small", SMALL), SMALL) == {DISK}
        fresh = disk.mount / "fresh"
        fresh.write_bytes(CONTENT)
        assert labels(fresh) == {DISK}, "what nobody wrote back yet is written before it is read"


@pytest.mark.parametrize("kind", known(EXT4, XFS))
def test_another_mount_of_the_same_disk_proves_as_much(tmp_path: Path, kind: Kind) -> None:
    with mounted(tmp_path, kind) as disk, bound(disk.mount, tmp_path / "bound") as point:
        path = put(disk.mount / "file")
        warm(path, 0, HOT_BYTES)
        assert labels(point / "file") == {DISK}


@pytest.mark.parametrize(("kind", "expected"), [(kind, label) for kind, label in WITH_REFLINKS if kind.is_known])
def test_shared_extents_are_read_as_any_others(tmp_path: Path, kind: Kind, expected: set[Assurance]) -> None:
    """A reflinked copy has pages of its own: those of the original say nothing of it, and stay."""
    with mounted(tmp_path, kind) as disk:
        original, copy = put(disk.mount / "file"), disk.mount / "copy"
        run("cp", "--reflink=always", original, copy)
        chill(copy)
        warm(original, 0, len(CONTENT))
        assert labels(copy) == {DISK}
        assert resident_bytes(original) >= len(CONTENT) * 99 // 100
        edit(copy, overwrite(5 * MIB, b"changed"))
        chill(copy)
        changed = CONTENT[: 5 * MIB] + b"changed" + CONTENT[5 * MIB + 7 :]
        warm(copy, 0, HOT_BYTES)
        assert labels(copy, changed) == expected


@pytest.mark.parametrize("kind", known(EXT4_JOURNALS_DATA))
def test_ext4_that_journals_data_is_read_through_memory_and_nothing_stays_there(tmp_path: Path, kind: Kind) -> None:
    with mounted(tmp_path, kind) as disk, hot_neighbour(disk.mount):
        path = put(disk.mount / "file")
        for hot_bytes in (0, SOME_BYTES, HOT_BYTES, len(CONTENT)):
            warm(path, 0, hot_bytes)
            assert labels(path) == {MEMORY}


@pytest.mark.parametrize("kind", known(EXT4_INLINE))
def test_what_ext4_keeps_in_the_inode_is_not_proven_by_a_direct_read(tmp_path: Path, kind: Kind) -> None:
    with mounted(tmp_path, kind) as disk:
        assert labels(put(disk.mount / "inline", SMALL), SMALL) == {MEMORY}
        assert labels(put(disk.mount / "file")) == {DISK}


@pytest.mark.parametrize("kind", known(BTRFS))
def test_btrfs_proves_what_was_not_in_memory(tmp_path: Path, kind: Kind) -> None:
    with mounted(tmp_path, kind) as disk:
        path = put(disk.mount / "file")
        for hot_bytes, expected in ((0, {DISK}), (HOT_BYTES, {DISK, UNPROVEN}), (len(CONTENT), {UNPROVEN})):
            warm(path, 0, hot_bytes)
            assert labels(path) == expected
        assert labels(put(disk.mount / "inline", SMALL), SMALL) == {MEMORY}


@pytest.mark.parametrize("kind", known(BTRFS_COMPRESSED))
def test_compressed_btrfs_is_direct_in_name_only(tmp_path: Path, kind: Kind) -> None:
    with mounted(tmp_path, kind) as disk, hot_neighbour(disk.mount):
        path = put(disk.mount / "file")
        assert labels(path) == {MEMORY}
        warm(path, 5 * MIB, SOME_BYTES)
        assert DISK not in labels(path)
        for hot_bytes in (HOT_BYTES, len(CONTENT)):
            warm(path, 0, hot_bytes)
            assert DISK not in labels(path)


@pytest.mark.parametrize("kind", known(BTRFS))
def test_btrfs_that_compressed_a_part_proves_none_of_that_part(tmp_path: Path, kind: Kind) -> None:
    with mounted(tmp_path, kind) as disk:
        path = put(disk.mount / "file", CONTENT[:HOT_BYTES])
        run("mount", "-o", "remount,compress-force=zstd", disk.mount)
        edit(path, overwrite(HOT_BYTES, CONTENT[HOT_BYTES:]))
        chill(path)
        outcome, heard = read(path)
        assert (outcome.sha256, heard.digests) == (hashlib.sha256(CONTENT).hexdigest(), digests_of(CONTENT))
        assert DISK not in {label for block, label in heard.labels.items() if block >= HOT_BYTES // MIB}
        assert heard.labels[0] is DISK
        assert resident_bytes(path) <= len(CONTENT) // 100


def test_memory_is_called_memory(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder) / "file"
        path.write_bytes(CONTENT)
        assert labels(path) == {MEMORY}


@pytest.mark.parametrize(("kind", "expected"), [(kind, label) for kind, label in BELOW_OVERLAYS if kind.is_known])
def test_an_overlay_proves_nothing_and_leaves_nothing(tmp_path: Path, kind: Kind, expected: Assurance) -> None:
    with mounted(tmp_path, kind) as disk, overlay(disk.mount, tmp_path / "over") as over:
        below = put(disk.mount / "lower" / "file")
        assert labels(over / "file") == {expected}
        assert resident_bytes(below) == 0


def test_a_file_system_in_user_space_proves_nothing(tmp_path: Path) -> None:
    bad = range(5 * MIB, 5 * MIB + 10)
    with bad_disk(tmp_path / "fuse", {"file": CONTENT}, bad) as disk:
        outcome, heard = read(disk.point / "file")
    assert heard.digests == {block: digest for block, digest in digests_of(CONTENT).items() if block != 5}
    assert set(heard.labels.values()) == {UNPROVEN}
    assert (outcome.unreadable, outcome.errno_name) == ((ByteRange(5 * MIB, 4096),), "EIO")


@pytest.mark.parametrize("kind", known(BTRFS_COMPRESSED))
def test_whoever_may_not_know_what_is_in_memory_claims_nothing(tmp_path: Path, kind: Kind, unprivileged: Unprivileged) -> None:
    """To a stranger mincore says that all is in memory, and cachestat says nothing."""
    with mounted(tmp_path, kind) as disk:
        path = put(disk.mount / "file")
        warm(path, 0, HOT_BYTES)
        with path.open("rb") as file:
            told = subprocess.run(
                [str(unprivileged.python), "-c", STRANGER],
                stdin=file,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
                **unprivileged.options(),
            )
    assert (told.stdout, told.stderr) == ("None unproven\n", "")


@pytest.mark.parametrize("kind", known(EXT4, XFS))
def test_damage_beneath_cached_pages_is_found_each_time(tmp_path: Path, kind: Kind) -> None:
    places = random.Random(7)
    with mounted(tmp_path, kind) as disk:
        path = put(disk.mount / "file")
        right = digests_of(CONTENT)
        for _ in range(ROTS):
            warm(path, 0, len(CONTENT))
            at = places.randrange(len(CONTENT))
            disk.flip(path, at)
            assert path.read_bytes() == CONTENT, "the page cache still tells everybody else that all is well"
            outcome, heard = read(path)
            assert {block for block, digest in heard.digests.items() if digest != right[block]} == {at // MIB}
            assert outcome.assurance is DISK
            disk.flip(path, at)
