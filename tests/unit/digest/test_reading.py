"""Reads of files that lose bytes, change, or sit on odd file systems; in this process, on real files."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_healthd.digest import disk_file
from wan_healthd.digest.assurance import assure
from wan_healthd.digest.disk_file import DiskFile
from wan_healthd.digest.reading import CREWS, Reading
from wan_healthd.digest.slots import SlotPool
from wan_healthd.domain.digests import BLOCK_BYTES, Algorithm, Assurance
from wan_healthd.domain.extents import ByteRange, merge
from wan_healthd.domain.ports import BlockRun, ReadMode, ReadOutcome, ReadRequest
from wan_healthd.kernel.filesystem import filesystem_magic

MIB = 1 << 20
SECTOR = 4096
BOTH = tuple(Algorithm)
POOL = SlotPool()


class Account:
    """A listener that keeps what it hears, and may raise."""

    def __init__(self, raise_after: int | None = None) -> None:
        self.digests: dict[int, bytes] = {}
        self.pulses: list[int] = []
        self._raise_after = raise_after

    def run(self, run: BlockRun) -> None:
        for index in range(len(run.digests) // 32):
            self.digests[run.first_block + index] = run.digests[index * 32 : index * 32 + 32]

    def pulse(self, bytes_read: int) -> None:
        self.pulses.append(bytes_read)
        if self._raise_after is not None and bytes_read >= self._raise_after:
            raise InterruptedReading


class InterruptedReading(Exception):
    pass


class FaultyFile(DiskFile):
    """Refuses reads that touch `bad`, as a disk does; `before_read` may do anything to the file."""

    def __init__(self, descriptor: int, bad: tuple[ByteRange, ...] = (), number: int = errno.EIO) -> None:
        super().__init__(descriptor)
        self._bad = bad
        self._number = number
        self.before_read: Callable[[int], None] = lambda offset: None

    def pread(self, memory: memoryview, offset: int) -> int:
        self.before_read(offset)
        if any(bad.offset < offset + len(memory) and offset < bad.end for bad in self._bad):
            raise OSError(self._number, os.strerror(self._number))
        return super().pread(memory, offset)


class FussyFile(DiskFile):
    """Accepts O_DIRECT, but refuses to read with it from `refuses_from` on, as some file systems do."""

    refuses_from = 0

    def pread(self, memory: memoryview, offset: int) -> int:
        if self._buffered is None and offset + len(memory) > self.refuses_from:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return super().pread(memory, offset)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def pattern(size_bytes: int) -> bytes:
    return hashlib.shake_128(b"%d" % size_bytes).digest(size_bytes)


CONTENT = pattern(9 * MIB + 123)


def read(source: DiskFile, size_bytes: int, account: Account | None = None) -> ReadOutcome:
    try:
        return Reading(source, ReadRequest(size_bytes, BOTH), POOL, account or Account()).outcome()
    finally:
        source.close()


def touched(blocks: int, bad: tuple[ByteRange, ...]) -> set[int]:
    whole = [ByteRange(block * BLOCK_BYTES, BLOCK_BYTES) for block in range(blocks)]
    return {i for i, block in enumerate(whole) if any(item.offset < block.end and block.offset < item.end for item in bad)}


@pytest.mark.parametrize("number", [errno.EIO, errno.EUCLEAN, errno.EBADMSG, errno.ENODATA])
def test_what_the_storage_refuses_is_named_to_the_sector(tmp_path: Path, number: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    bad = (ByteRange(5 * SECTOR + 7, 2), ByteRange(MIB - SECTOR, 2 * SECTOR), ByteRange(9 * MIB + 100, 1))
    account = Account()
    with opened(path) as descriptor:
        outcome = read(FaultyFile(descriptor, bad, number), len(CONTENT), account)
    assert outcome.unreadable == (
        ByteRange(5 * SECTOR, SECTOR),
        ByteRange(MIB - SECTOR, 2 * SECTOR),
        ByteRange(9 * MIB, 123),
    )
    assert (outcome.errno_name, outcome.sha256, outcome.is_stable) == (errno.errorcode[number], None, True)
    assert outcome.bytes_read == len(CONTENT) - 3 * SECTOR - 123
    assert account.digests == {i: blake3(CONTENT[i * MIB : (i + 1) * MIB]).digest() for i in range(2, 9)}


@settings(max_examples=25, deadline=None)
@given(sectors=st.sets(st.integers(0, 3 * 256 + 1), max_size=12), size_bytes=st.integers(3 * MIB, 3 * MIB + 2 * SECTOR))
def test_exactly_the_bad_sectors_are_lost(sectors: set[int], size_bytes: int) -> None:
    bad = tuple(ByteRange(sector * SECTOR, 1) for sector in sectors)
    content = CONTENT[:size_bytes]
    account = Account()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        with opened(path) as descriptor:
            outcome = read(FaultyFile(descriptor, bad), size_bytes, account)
    cut = (ByteRange(sector * SECTOR, min(SECTOR, size_bytes - sector * SECTOR)) for sector in sectors)
    assert outcome.unreadable == merge(cut)
    lost = touched(-(-size_bytes // MIB), outcome.unreadable)
    assert sorted(account.digests) == [block for block in range(-(-size_bytes // MIB)) if block not in lost]
    assert (outcome.sha256 is None) == bool(outcome.unreadable)


def test_a_disk_that_gives_nothing_is_reported_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    account = Account()
    with opened(path) as descriptor:
        outcome = read(FaultyFile(descriptor, (ByteRange(0, len(CONTENT)),)), len(CONTENT), account)
    assert outcome.unreadable == (ByteRange(0, len(CONTENT)),)
    assert (outcome.bytes_read, outcome.all_zero, account.digests) == (0, False, {})
    assert len(account.pulses) >= len(CONTENT) // SECTOR


def test_other_errors_end_the_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    with opened(path) as descriptor, pytest.raises(OSError, match="Transport endpoint") as error:
        read(FaultyFile(descriptor, (ByteRange(5 * MIB, 1),), errno.ENOTCONN), len(CONTENT))
    assert error.value.errno == errno.ENOTCONN


def test_a_cancelled_read_ends_at_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    account = Account(raise_after=MIB)
    with opened(path) as descriptor, pytest.raises(InterruptedReading):
        read(DiskFile(descriptor), len(CONTENT), account)
    assert len(account.pulses) <= CREWS[ReadMode.POLITE].readers


class FailingListener(Account):
    def run(self, run: BlockRun) -> None:
        raise InterruptedReading


@pytest.mark.parametrize("size_bytes", [MIB, 150 * MIB])
def test_a_hasher_that_fails_ends_the_read(tmp_path: Path, size_bytes: int) -> None:
    path = tmp_path / "file"
    path.touch()
    os.truncate(path, size_bytes)
    with opened(path) as descriptor, pytest.raises(InterruptedReading):
        read(DiskFile(descriptor), size_bytes, FailingListener())


@pytest.mark.parametrize("new_size", [0, 100, 4 * MIB, 5 * MIB + 3, 12 * MIB])
def test_a_file_that_changes_under_the_read_ends_cleanly(tmp_path: Path, new_size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)

    def change(offset: int) -> None:
        if offset == 4 * MIB:
            os.truncate(path, new_size)

    with opened(path) as descriptor:
        source = FaultyFile(descriptor)
        source.before_read = change
        outcome = read(source, len(CONTENT))
    assert not outcome.is_stable
    assert outcome.after[1] == new_size
    assert outcome.unreadable == ()
    assert outcome.sha256 is None or new_size > len(CONTENT)


class StingyFile(DiskFile):
    """Ends early although its size stands, as a broken file system in user space may."""

    def pread(self, memory: memoryview, offset: int) -> int:
        return super().pread(memory, offset) if offset < 4 * MIB else 0


def test_bytes_that_a_file_has_but_does_not_give_are_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    account = Account()
    with opened(path) as descriptor:
        outcome = read(StingyFile(descriptor), len(CONTENT), account)
    assert outcome.unreadable == (ByteRange(4 * MIB, len(CONTENT) - 4 * MIB),)
    assert (outcome.errno_name, outcome.sha256) == ("EIO", None)
    assert sorted(account.digests) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("refuses_from", "assurances"),
    [(0, {Assurance.MEMORY}), (8 * MIB + 1, {Assurance.MEMORY, Assurance.DISK})],
)
def test_where_direct_reads_fail_the_cache_is_read_and_named(
    tmp_path: Path, refuses_from: int, assurances: set[Assurance]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    seen: set[Assurance] = set()

    class Watching(Account):
        def run(self, run: BlockRun) -> None:
            super().run(run)
            seen.add(run.assurance)

    account = Watching()
    with opened(path) as descriptor:
        proof = assure(filesystem_magic(descriptor), direct=True, before=0, after=0)
        source = FussyFile(descriptor)
        source.refuses_from = refuses_from
        outcome = read(source, len(CONTENT), account)
    assert outcome.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert len(account.digests) == 10
    assert seen == {proof if item is Assurance.DISK else item for item in assurances}
    assert outcome.assurance is Assurance.MEMORY


def test_a_real_disk_proves_and_memory_does_not(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        for folder, magics in ((tmp_path, {0xEF53, 0x58465342}), (Path(memory), {0x01021994})):
            for size_bytes in (0, 5, 9 * MIB):
                path = folder / f"file-{size_bytes}"
                path.write_bytes(CONTENT[:size_bytes])
                with opened(path) as descriptor:
                    if filesystem_magic(descriptor) not in magics:
                        pytest.fail(f"{folder} is on another file system than this test is about")
                    outcome = read(DiskFile(descriptor), size_bytes)
                assert outcome.assurance is (Assurance.MEMORY if folder == Path(memory) else Assurance.DISK)


def test_the_worst_storage_is_described_in_bounded_memory() -> None:
    from wan_healthd.digest.ledger import MAX_GAPS, Gaps

    gaps = Gaps()
    for sector in range(0, 2 * (MAX_GAPS + 10), 2):
        gaps.add(ByteRange(sector * SECTOR, SECTOR))
    assert len(gaps.ranges) == MAX_GAPS
    assert gaps.ranges[-1].end == (2 * (MAX_GAPS + 9) + 1) * SECTOR


def test_lengths_are_rounded_to_sectors() -> None:
    assert [disk_file.round_up(length) for length in (0, 1, 4096, 4097)] == [0, 4096, 4096, 8192]
