"""Every known shape of good and bad zip archives of torch, with the standard library's word beside ours.

torch 2.13 itself accepts all that is valid here, and was tried by hand on what is not: it never looks at a CRC-32, nor at most
of a local header, so it loads much of what is broken.
"""

from __future__ import annotations

import io
import random
import struct
import time
import zipfile
import zlib

import pytest

from tests.fakes.torch_files import (
    RECORDS,
    archive,
    directory_entry,
    ends,
    local_header,
    mixed_archive,
    patched,
    streamed_archive,
    torch_archive,
)
from tests.fakes.windows import BytesWindow, ShrinkingWindow
from tests.support.material import Material
from wan_healthd.domain.evidence import HeaderFacts, Section
from wan_healthd.domain.extents import ByteRange
from wan_healthd.formats import torch_zip
from wan_healthd.formats.window import MAX_READ_BYTES

PLAIN = archive()
TORCH = torch_archive()
END = len(TORCH) - 22
LOCATOR = END - 20
WIDE_END = LOCATOR - 56
DIRECTORY = TORCH.index(b"PK\1\2")
WIDE = torch_archive(wide=True)
ALL_BITS = b"\xff" * 8


def judged(data: bytes) -> HeaderFacts:
    return torch_zip.judge(BytesWindow(data))


def code_of(data: bytes) -> str | None:
    facts = judged(data)
    assert facts.undecided is None, facts
    return None if facts.fault is None else facts.fault.code


def is_right(data: bytes, section: Section) -> bool:
    stored = data[section.offset : section.offset + section.length]
    try:
        plain = zlib.decompress(stored, -15) if section.is_deflated else stored
    except zlib.error:
        return False
    return len(plain) == section.size_bytes and zlib.crc32(plain) == section.crc32


def flipped(data: bytes, bit: int) -> bytes:
    return patched(data, bit // 8, bytes((data[bit // 8] ^ 1 << bit % 8,)))


def zipfile_refuses(data: bytes) -> bool:
    """Whether the standard library finds anything wrong at all."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as reader:
            return reader.testzip() is not None
    except Exception:
        return True


def without(*names: str) -> dict[str, bytes]:
    return {name: data for name, data in RECORDS.items() if name not in names}


def in_directory(name: str, at: int, patch: bytes, data: bytes = TORCH) -> bytes:
    return patched(data, directory_entry(data, name) + at, patch)


def in_header(name: str, at: int, patch: bytes, data: bytes = TORCH) -> bytes:
    return patched(data, local_header(data, name) + at, patch)


def signed() -> bytes:
    """With a digital signature as the directory's last part."""
    size = WIDE_END - DIRECTORY + 6
    return TORCH[:WIDE_END] + b"PK\5\5\0\0" + ends(len(RECORDS), size, DIRECTORY)


VALID = {
    "by zipfile": PLAIN,
    "by torch": TORCH,
    "deflated": archive(method=zipfile.ZIP_DEFLATED),
    "mixed": mixed_archive(),
    "zip64 fields in every entry": archive(wide=True),
    "zip64 fields in the directory": WIDE,
    "data descriptors": streamed_archive(),
    "signed directory": signed(),
    "comment": archive(comment=b"a comment"),
    "longest comment": archive(comment=b"c" * 65_535),
    "comment cut": archive(comment=b"a comment")[:-3],
    "bytes behind the end, as torch tolerates": TORCH + b"x" * 60_000,
    "folders among the entries": archive({"a/": b"", **RECORDS, "a/data/": b""}),
    "empty entries": archive({**RECORDS, "a/data/2": b""}),
    "names in Chinese": archive({name.replace("a/", "模型/", 1): data for name, data in RECORDS.items()}),
    "control characters in names": archive({name.replace("a/", "a\x1b/", 1): data for name, data in RECORDS.items()}),
    "names that are not UTF-8": TORCH.replace(b"a/", b"\xff/"),
    "version in .data": archive({**without("a/version"), "a/.data/version": b"3\n"}),
    "TorchScript": archive({**RECORDS, "a/constants.pkl": b".", "a/code/b.py": b"pass"}),
    "TorchScript with a stray entry": archive({**RECORDS, "a/constants.pkl": b".", "__MACOSX/b": b""}),
    "old TorchScript": archive({**without("a/data.pkl"), "a/model.json": b"{}"}),
    "exported program": archive({**without("a/data.pkl"), "a/archive_format": b"pt2"}),
    "disks counted from one": patched(in_directory("a/data/0", 34, b"\1"), WIDE_END + 16, b"\1\0\0\0\1\0\0\0"),
    "classic record leaves all to zip64": patched(TORCH, END + 8, ALL_BITS[:4] + ALL_BITS[:8]),
    "local header without sizes": in_header("a/data/0", 14, bytes(12), PLAIN),
    "any version needed": in_directory("a/data/0", 6, b"\x63"),
}


@pytest.mark.parametrize("data", VALID.values(), ids=VALID)
def test_valid_archives_are_accepted(data: bytes) -> None:
    facts = judged(data)
    assert (facts.fault, facts.undecided) == (None, None)
    assert facts.packed_header is not None
    assert facts.declared_bytes is not None
    assert facts.declared_bytes <= len(data)
    assert all(is_right(data, section) for section in facts.sections)
    assert [item.offset for item in facts.sections] == sorted(item.offset for item in facts.sections)


def overlapping(*, whole: bool) -> bytes:
    """A quoted archive: two entries of the directory share bytes."""
    start = directory_entry(TORCH, "a/data/1")
    first = struct.unpack_from("<I", TORCH, directory_entry(TORCH, "a/data/0") + 42)[0]
    if whole:
        return patched(TORCH, start + 42, struct.pack("<I", first))
    grown = struct.unpack_from("<I", TORCH, directory_entry(TORCH, "a/data/0") + 20)[0] + 90
    return in_directory("a/data/0", 20, struct.pack("<2I", grown, grown))


def bomb(size_bytes: int) -> bytes:
    """An entry that claims to inflate to so much."""
    data = archive(method=zipfile.ZIP_DEFLATED)
    return patched(data, directory_entry(data, "a/data/0") + 24, struct.pack("<I", size_bytes))


FAULTY = {
    # name: (bytes, our word, whether zipfile refuses it)
    "nothing": (b"", "not-a-zip", True),
    "something else": (b"GGUF" + TORCH[4:], "not-a-zip", True),
    "only a signature": (b"PK\3\4", "truncated", True),
    "last byte missing": (TORCH[:-1], "truncated", True),
    "end record missing": (TORCH[:END], "truncated", True),
    "cut in the directory": (TORCH[: DIRECTORY + 50], "truncated", True),
    "cut in half": (TORCH[: len(TORCH) // 2], "truncated", True),
    "zeros from the middle on": (TORCH[: len(TORCH) // 2].ljust(len(TORCH), b"\0"), "truncated", True),
    "too much behind the end": (TORCH + b"x" * 70_000, "truncated", True),
    "bytes cut out of the middle": (TORCH[:1000] + TORCH[1100:], "zip-end-record", True),
    "bytes put into the middle": (TORCH[:1000] + b"x" + TORCH[1000:], "zip-end-record", True),
    "count lie, classic": (patched(PLAIN, len(PLAIN) - 14, b"\4\0\4\0"), "zip-directory", False),
    "count lie, far too many": (patched(PLAIN, len(PLAIN) - 14, b"\xfe\xff\xfe\xff"), "zip-directory", False),
    "counts disagree": (patched(PLAIN, len(PLAIN) - 14, b"\4\0"), "zip-multi-disk", False),
    "count lie, beside zip64": (patched(TORCH, END + 8, b"\4\0\4\0"), "zip-end-record", False),
    "count lie, zip64": (patched(TORCH, WIDE_END + 24, ALL_BITS * 2), "zip-end-record", False),
    "directory size lie": (patched(PLAIN, len(PLAIN) - 10, b"\1\0\0\0"), "zip-end-record", True),
    "directory offset lie": (patched(PLAIN, len(PLAIN) - 6, ALL_BITS[:4]), "zip-end-record", True),
    "directory at 2^64-1": (
        patched(patched(TORCH, WIDE_END + 40, ALL_BITS * 2), END + 12, ALL_BITS),
        "zip-end-record",
        True,
    ),
    "end record on disk 7": (patched(PLAIN, len(PLAIN) - 18, b"\7\0\7\0"), "zip-multi-disk", False),
    "locator says two disks": (patched(TORCH, LOCATOR + 16, b"\2"), "zip-multi-disk", True),
    "locator points nowhere": (patched(TORCH, LOCATOR + 8, b"\7"), "zip-end-record", False),
    "locator points behind the end": (patched(TORCH, LOCATOR + 8, ALL_BITS), "zip-end-record", False),
    "locator damaged": (patched(TORCH, LOCATOR, b"X"), "zip-end-record", True),
    "zip64 record damaged": (patched(TORCH, WIDE_END, b"X"), "zip-end-record", True),
    "zip64 record of another length": (patched(TORCH, WIDE_END + 4, b"\1"), "zip-end-record", False),
    "hole behind the directory": (TORCH[:WIDE_END] + b"hole" + TORCH[WIDE_END:], "zip-end-record", True),
    "entry without its signature": (in_directory("a/data/0", 0, b"X"), "zip-directory", True),
    "last entry's name too long": (in_directory("a/version", 28, b"\xff"), "zip-directory", False),
    "an entry's comment too long": (in_directory("a/data/0", 32, b"\1"), "zip-directory", True),
    "last name too short": (in_directory("a/version", 28, b"\x08"), "zip-directory", True),
    "name with a NUL": (in_directory("a/data/0", 46 + 3, b"\0"), "zip-entry-name", True),
    "content marked as a folder": (in_directory("a/data/0", 38, b"\x10"), "zip-entry-kind", False),
    "content in a folder's name": (archive({**RECORDS, "a/data/2/": b"x"}), "zip-entry-kind", False),
    "zip64 field too short": (WIDE.replace(b"\1\0\x18\0", b"\1\0\x08\0", 1), "zip-zip64", True),
    "zip64 field missing": (WIDE.replace(b"\1\0\x18\0", b"\2\0\x18\0", 1), "zip-entry-place", True),
    "zip64 sizes of 2^64-1": (patched(WIDE, WIDE.index(b"\1\0\x18\0") + 4, ALL_BITS * 3), "zip-entry-place", True),
    "zip64 record without room": (TORCH[LOCATOR:], "not-a-zip", True),
    "nothing but an end record": (b"PK\3\4" + TORCH[END:], "zip-end-record", True),
    "nothing but end records": (b"PK\3\4" + TORCH[LOCATOR:], "zip-end-record", True),
    "entry on disk 2": (in_directory("a/data/0", 34, b"\2"), "zip-multi-disk", False),
    "stored, yet of two sizes": (in_directory("a/data/0", 20, b"\1"), "zip-entry-size", False),
    "entry behind the directory": (in_directory("a/data/0", 42, ALL_BITS[:3]), "zip-entry-place", True),
    "entry of 4 GiB": (in_directory("a/data/0", 20, ALL_BITS), "zip-entry-place", True),
    "inflates to more than deflate can": (bomb(2**32 - 2), "zip-entry-size", False),
    "inflates from nothing": (
        in_directory("a/byteorder", 20, bytes(4), archive(method=zipfile.ZIP_DEFLATED)),
        "zip-entry-size",
        True,
    ),
    "entry begins elsewhere": (in_directory("a/data/0", 42, b"\1"), "zip-overlap", True),
    "local signature": (in_header("a/data/0", 0, b"X"), "zip-local-header", True),
    "local name": (in_header("a/data/0", 30, b"X"), "zip-local-header", True),
    "local name shorter": (in_header("a/data/0", 26, b"\7"), "zip-local-header", True),
    "name changed in the directory": (in_directory("a/byteorder", 46 + 3, b"X"), "zip-local-header", True),
    "local method": (in_header("a/data/0", 8, b"\x08"), "zip-local-header", False),
    "local encryption": (in_header("a/data/0", 6, b"\x09"), "zip-local-header", False),
    "local CRC": (in_header("a/data/0", 14, b"XXXX", PLAIN), "zip-local-header", False),
    "local size": (in_header("a/data/0", 18, b"\1", PLAIN), "zip-local-header", False),
    "local padding too long": (in_header("a/data/0", 28, b"\xff\x0f"), "zip-overlap", True),
    "last entry's padding too long": (in_header("a/version", 28, b"\xff\xff"), "zip-overlap", True),
    "overlap in part": (overlapping(whole=False), "zip-overlap", True),
    "overlap as a whole": (overlapping(whole=True), "zip-local-header", True),
    "the same entry twice": (
        patched(overlapping(whole=True), directory_entry(TORCH, "a/data/1") + 46, b"a/data/0"),
        "zip-overlap",
        True,
    ),
    "empty archive": (b"PK\3\4" + bytes(60) + ends(0, 0, 64), "not-torch-archive", False),
    "no version": (archive(without("a/version")), "not-torch-archive", False),
    "no data.pkl": (archive(without("a/data.pkl")), "not-torch-archive", False),
    "not in a folder": (archive({"version": b"3", "data.pkl": b"."}), "not-torch-archive", False),
    "first entry elsewhere": (archive({"b": b"", **RECORDS}), "not-torch-archive", False),
    "an entry outside the folder": (archive({**RECORDS, "__MACOSX/b": b""}), "not-torch-archive", False),
    "a document": (archive({"mimetype": b"text", "content.xml": b"<a/>"}), "not-torch-archive", False),
}


@pytest.mark.parametrize(("data", "code", "refused"), FAULTY.values(), ids=FAULTY)
def test_faulty_archives_are_refused(data: bytes, code: str, refused: bool) -> None:
    facts = judged(data)
    assert facts.fault is not None
    assert (facts.fault.code, facts.sections, facts.packed_header) == (code, (), None)
    assert facts.fault.detail.isprintable()
    assert zipfile_refuses(data) == refused


UNDECIDED = {
    "encrypted": in_directory("a/data/0", 8, b"\x09", in_header("a/data/0", 6, b"\x09")),
    "patch": in_directory("a/data/0", 8, b"\x28"),
    "masked": in_directory("a/data/0", 9, b"\x28"),
    "LZMA": archive(method=zipfile.ZIP_LZMA),
    "bzip2": archive(method=zipfile.ZIP_BZIP2),
}


@pytest.mark.parametrize("data", UNDECIDED.values(), ids=UNDECIDED)
def test_what_we_cannot_check_is_not_accused(data: bytes) -> None:
    facts = judged(data)
    assert (facts.fault, facts.undecided, facts.sections) == (None, "unknown-to-us", ())
    assert "entry a/" in facts.undecided_detail


def test_every_cut_is_truncation() -> None:
    for data in (TORCH, PLAIN, archive(comment=b"c")[:-1]):
        for length in range(4, len(data)):
            assert code_of(data[:length]) == "truncated", length


def test_sections_name_every_entry() -> None:
    sections = judged(TORCH).sections
    assert [section.name for section in sections] == list(RECORDS)
    assert [TORCH[item.offset : item.offset + item.length] for item in sections] == list(RECORDS.values())
    assert all(item.offset % 64 == 0 for item in sections)


def test_all_zero_crcs_are_none() -> None:
    facts = judged(torch_archive(with_crc=False))
    assert (facts.fault, facts.undecided, facts.sections, facts.tensor_count) == (None, None, (), 2)


def test_a_bad_crc_is_left_to_the_read() -> None:
    damaged = in_directory("a/data/0", 16, b"XXXX")
    facts = judged(damaged)
    assert facts.fault is None
    assert [item.name for item in facts.sections if not is_right(damaged, item)] == ["a/data/0"]


def test_a_bomb_is_not_judged() -> None:
    """Its other entries would vouch for the whole file."""
    facts = judged(archive({**RECORDS, "a/data/2": bytes(8 << 20)}, method=zipfile.ZIP_DEFLATED))
    assert (facts.fault, facts.undecided, facts.sections) == (None, "header-too-large-to-judge", ())
    assert "entry a/data/2 claims to inflate from 8" in facts.undecided_detail


def test_damage_is_named() -> None:
    facts = judged(TORCH)
    assert facts.packed_header is not None
    table = zlib.decompress(facts.packed_header)
    for section in facts.sections:
        touched = torch_zip.touched(table, [ByteRange(section.offset + section.length - 1, 1)])
        assert (touched.names, touched.total) == ((section.name,), 1)
    everything = torch_zip.touched(table, [ByteRange(0, len(TORCH))])
    assert (everything.total, everything.in_header) == (len(RECORDS), True)
    assert torch_zip.touched(b"nonsense", [ByteRange(0, 1)]).total == 0


def test_a_file_that_shrinks_meanwhile_is_not_judged() -> None:
    class Shrinking(ShrinkingWindow):
        def read(self, offset: int, length: int) -> bytes:
            return b"PK\3\4" if length == 4 else super().read(offset, length)

    with pytest.raises(OSError, match="shorter"):
        torch_zip.judge(Shrinking(TORCH))


def many(count: int, name_bytes: int = 20, gap_bytes: int = 0) -> bytes:
    """An archive of so many empty entries, so far from one another."""
    names = [b"a/data.pkl", b"a/version", *(b"a/%0*d" % (name_bytes - 2, number) for number in range(count - 2))]
    body, directory = [], []
    offset = 0
    for name in names:
        body.append(struct.pack("<4s5H3I2H", b"PK\3\4", 0, 0, 0, 0, 0, 7, 0, 0, len(name), 0) + name + bytes(gap_bytes))
        head = struct.pack("<4s6H3I5H2I", b"PK\1\2", 0, 0, 0, 0, 0, 0, 7, 0, 0, len(name), 0, 0, 0, 0, 0, offset)
        directory.append(head + name)
        offset += 30 + len(name) + gap_bytes
    table = b"".join(directory)
    return b"".join(body) + table + ends(count, len(table), offset)


@pytest.mark.parametrize(
    ("count", "name_bytes", "gap_bytes", "undecided"),
    [
        (65_536, 20, 0, None),
        (65_537, 20, 0, "header-too-large-to-judge"),
        (40_000, 100, 0, "header-too-large-to-judge"),
        (40_000, 60, 0, "header-too-large-to-judge"),
        (20_000, 20, 500, "header-too-large-to-judge"),
        (20_000, 20, 1000, None),
        (3, 60_000, 0, None),
    ],
)
def test_large_directories_are_judged_within_bounds(count: int, name_bytes: int, gap_bytes: int, undecided: str | None) -> None:
    window = BytesWindow(many(count, name_bytes, gap_bytes))
    begun = time.process_time()
    facts = torch_zip.judge(window)
    assert time.process_time() - begun < 2
    assert (facts.fault, facts.undecided) == (None, undecided)
    assert len(facts.sections) == (count if undecided is None else 0)
    assert window.bytes_read <= MAX_READ_BYTES


def test_every_flipped_bit_of_a_payload_shows_in_its_section() -> None:
    for data in (TORCH, mixed_archive(), archive(method=zipfile.ZIP_DEFLATED)):
        for section in judged(data).sections:
            unused = section.is_deflated  # bits of the last byte
            for bit in range(section.offset * 8, (section.offset + section.length - unused) * 8, 7):
                damaged = flipped(data, bit)
                assert judged(damaged).fault is None
                assert not is_right(damaged, section)


def test_any_flipped_bit_elsewhere_gives_a_judgement() -> None:
    chooser = random.Random(3)
    for data in (PLAIN, TORCH):
        for _ in range(3000):
            facts = judged(flipped(data, chooser.randrange(len(data) * 8)))
            assert facts.undecided in (None, "unknown-to-us")


def test_real_files_are_accepted_and_their_crcs_are_right(material: Material) -> None:
    for path, tensors in zip((*material.torch_zips, material.torchscript), (16, 22, 32), strict=True):
        data = path.read_bytes()
        facts = judged(data)
        assert (facts.fault, facts.undecided, facts.tensor_count) == (None, None, tensors)
        assert facts.declared_bytes == len(data)
        assert all(is_right(data, section) for section in facts.sections)
    assert {section.is_deflated for section in facts.sections} == {False, True}


def test_real_files_show_every_flipped_bit(material: Material) -> None:
    chooser = random.Random(1)
    data = material.torch_zips[0].read_bytes()
    payloads = [section for section in judged(data).sections if "/data/" in section.name and section.length]
    for _ in range(20):
        section = chooser.choice(payloads)
        at = section.offset + chooser.randrange(section.length)
        damaged = flipped(data, at * 8 + chooser.randrange(8))
        assert [item.name for item in judged(damaged).sections if not is_right(damaged, item)] == [section.name]
