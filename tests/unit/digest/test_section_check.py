"""Sections are checked however they fall into chunks, and nothing that they claim costs more than their bytes."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import time
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.digest.test_reading import Account, FaultyFile, opened
from wan_healthd.digest.disk_file import DiskFile
from wan_healthd.digest.plan import CHUNK_BYTES
from wan_healthd.digest.protocol import (
    MAX_PAYLOAD_BYTES,
    HeaderDone,
    ReadDone,
    ReadJob,
    decode_from_worker,
    decode_to_worker,
    encode,
)
from wan_healthd.digest.reading import Reading
from wan_healthd.digest.section_check import InflatedSum, SectionCheck, StoredSum
from wan_healthd.digest.slots import Slot, SlotPool
from wan_healthd.domain.digests import Algorithm, Assurance
from wan_healthd.domain.evidence import HeaderFacts, Section
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import ReadOutcome, ReadRequest

MIB = 1 << 20
SECTOR = 4096
CONTENT = hashlib.shake_128(b"sections").digest(9 * MIB + 123)
POOL = SlotPool()


def stored(offset: int, length: int, content: bytes = CONTENT) -> Section:
    return Section("", offset, length, zlib.crc32(content[offset : offset + length]), size_bytes=length)


def packed(plain: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush()


def deflated(plain: bytes, offset: int = 0, **changes: int) -> Section:
    section = Section("", offset, len(packed(plain)), zlib.crc32(plain), is_deflated=True, size_bytes=len(plain))
    return msgspec.structs.replace(section, **changes)


def wrong(section: Section) -> Section:
    return msgspec.structs.replace(section, crc32=section.crc32 ^ 1)


def read(
    path: Path, sections: tuple[Section, ...], bad: tuple[ByteRange, ...] = (), size_bytes: int | None = None
) -> ReadOutcome:
    size = path.stat().st_size if size_bytes is None else size_bytes
    with opened(path) as descriptor:
        source = FaultyFile(descriptor, bad)
        try:
            return Reading(source, ReadRequest(size, tuple(Algorithm), sections=sections), POOL, Account()).outcome()
        finally:
            source.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "file"
    target.write_bytes(CONTENT)
    return target


SPREAD = (
    stored(0, 1),
    stored(1, 0),
    stored(1, 4 * MIB),
    stored(4 * MIB + 1, 7),
    stored(8 * MIB - 1, 2),
    stored(8 * MIB + 1, MIB + 122),
    stored(9 * MIB + 123, 0),
)


@pytest.mark.parametrize("index", range(len(SPREAD)))
def test_wrong_sections_are_named_wherever_they_lie(path: Path, index: int) -> None:
    assert read(path, SPREAD).bad_sections == ()
    sections = tuple(wrong(item) if number == index else item for number, item in enumerate(SPREAD))
    outcome = read(path, sections)
    assert outcome.bad_sections == (index,)
    assert outcome.sha256 == hashlib.sha256(CONTENT).hexdigest()


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, len(CONTENT)), min_size=2, max_size=12).map(sorted),
    flips=st.sets(st.integers(0, len(CONTENT) - 1), max_size=4),
)
def test_exactly_the_harmed_sections_are_named(cuts: list[int], flips: set[int]) -> None:
    sections = tuple(stored(begin, end - begin) for begin, end in zip(cuts[::2], cuts[1::2], strict=False))
    harmed = bytearray(CONTENT)
    for at in flips:
        harmed[at] ^= 0x40
    check = SectionCheck(ReadRequest(len(CONTENT), (), sections=sections))
    feed(check, bytes(harmed))
    expected = tuple(i for i, item in enumerate(sections) if any(item.offset <= at < item.offset + item.length for at in flips))
    assert check.bad_sections == expected


def feed(check: SectionCheck, content: bytes, holes: tuple[ByteRange, ...] = ()) -> None:
    slot = Slot()
    for offset in range(0, len(content), CHUNK_BYTES):
        piece = content[offset : offset + CHUNK_BYTES]
        slot.memory[: len(piece)] = piece
        slot.begin(ByteRange(offset, len(piece)))
        slot.unreadable = [hole for hole in holes if hole.offset < slot.chunk.end and offset < hole.end]
        check.work(slot)


def test_what_cannot_be_read_is_not_judged(path: Path) -> None:
    sections = tuple(wrong(item) for item in SPREAD)
    outcome = read(path, sections, (ByteRange(MIB, 1), ByteRange(8 * MIB, 1)))
    assert outcome.unreadable == (ByteRange(MIB, SECTOR), ByteRange(8 * MIB, SECTOR))
    assert outcome.bad_sections == (0, 1, 3, 6)


def test_what_a_shorter_file_has_not_is_not_judged(path: Path) -> None:
    os.truncate(path, 5 * MIB)
    assert read(path, tuple(wrong(item) for item in SPREAD), size_bytes=len(CONTENT)).bad_sections == (0, 1, 2, 3)


@pytest.mark.parametrize(
    "sections",
    [
        (stored(10, 5), stored(0, 5)),
        (stored(0, 5), stored(4, 5)),
        (Section("", -1, 5, 0),),
        (Section("", 5, -1, 0),),
        (Section("", 5, 5, 0, is_deflated=True, size_bytes=-1),),
        (Section("", 0, len(CONTENT) + 1, 0),),
        (Section("", 2**62, 2**62, 0),),
    ],
)
def test_senseless_sections_are_refused(path: Path, sections: tuple[Section, ...]) -> None:
    with pytest.raises(ValueError, match="section"):
        read(path, sections)


def test_sections_go_with_whole_reads_only(path: Path) -> None:
    request = ReadRequest(len(CONTENT), (), blocks=((0, 1),), sections=SPREAD)
    with opened(path) as descriptor, pytest.raises(ValueError, match="whole file"):
        Reading(DiskFile(descriptor), request, POOL, Account())


TEXT = b"a tensor and another one, " * 40_000

INFLATED = {
    # name: (stored bytes, section, whether it is right)
    "right": (packed(TEXT), deflated(TEXT), True),
    "empty": (packed(b""), deflated(b""), True),
    "long runs": (packed(bytes(9 * MIB)), deflated(bytes(9 * MIB)), True),
    "cannot be packed": (packed(CONTENT), deflated(CONTENT), True),
    "wrong CRC": (packed(TEXT), deflated(TEXT, crc32=7), False),
    "claims less": (packed(TEXT), deflated(TEXT, size_bytes=len(TEXT) - 1), False),
    "claims nothing": (packed(TEXT), deflated(TEXT, size_bytes=0), False),
    "claims more": (packed(TEXT), deflated(TEXT, size_bytes=len(TEXT) + 1), False),
    "cut": (packed(TEXT)[:-1], deflated(TEXT), False),
    "bytes behind the end": (packed(TEXT) + b"x", deflated(TEXT), False),
    "no deflate at all": (b"\xff" * 100, deflated(TEXT), False),
    "two streams": (packed(TEXT) * 2, deflated(TEXT * 2), False),
}


@pytest.mark.parametrize("step", [1 << 16, 1000, 17])
@pytest.mark.parametrize(("data", "section", "right"), INFLATED.values(), ids=INFLATED)
def test_inflated_sections(data: bytes, section: Section, right: bool, step: int) -> None:
    found = InflatedSum(section)
    for start in range(0, min(len(data), step * 20_000), step):
        found.feed(memoryview(data)[start : start + step])
    assert found.is_right == right or len(data) > step * 20_000


def test_bytes_behind_the_end_are_noticed_also_when_they_come_later() -> None:
    found = InflatedSum(deflated(TEXT))
    found.feed(memoryview(packed(TEXT)))
    assert found.is_right
    found.feed(memoryview(b"x"))
    assert not found.is_right


def test_nothing_at_all_is_no_deflated_stream() -> None:
    assert not InflatedSum(deflated(b"")).is_right
    assert StoredSum(stored(0, 0)).is_right


def test_a_bomb_costs_what_it_claims_and_no_more() -> None:
    data = packed(bytes(1 << 28))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    found = InflatedSum(deflated(bytes(1), size_bytes=1000))
    for _ in range(200):
        found.feed(memoryview(data))
    assert not found.is_right
    assert time.process_time() - begun < 0.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 << 10


def test_as_many_sections_as_are_judged_fit_into_a_frame() -> None:
    """65,536 of them with the longest offsets and names; those of a request need no names."""
    sections = tuple(
        Section(f"m/data/{number:026}", 2**40 + number * 2**20, 2**20, 2**32 - 1, is_deflated=True, size_bytes=2**33)
        for number in range(65_536)
    )
    done = HeaderDone(1, HeaderFacts("torch-zip", sections=sections, packed_header=bytes(2 << 20)))
    assert decode_from_worker(encode(done)[4:]) == done
    job = ReadJob(1, ReadRequest(2**50, tuple(Algorithm), sections=sections))
    assert decode_to_worker(encode(job)[4:]) == job
    stamp = (1, 2, 3, 4)
    answer = ReadDone(1, ReadOutcome(stamp, stamp, None, Assurance.DISK, bad_sections=tuple(range(65_536))))
    assert decode_from_worker(encode(answer)[4:]) == answer


def test_more_sections_than_fit_are_refused_clearly() -> None:
    sections = tuple(Section("x" * 100, 0, 0, 0) for _ in range(100_000))
    assert len(sections) * 100 > MAX_PAYLOAD_BYTES
    with pytest.raises(OSError, match="Message too long") as refusal:
        encode(ReadJob(1, ReadRequest(1, (), sections=sections)))
    assert refusal.value.errno == errno.EMSGSIZE
