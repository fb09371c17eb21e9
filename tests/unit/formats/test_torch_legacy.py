"""Files of torch before 1.6, which check nothing themselves: only what can be proved is said."""

from __future__ import annotations

import time
import zlib

import pytest

from tests.fakes.torch_files import legacy, patched
from tests.fakes.windows import BytesWindow
from tests.support.material import Material
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.formats import torch_legacy
from wan_healthd.formats.window import MAX_READ_BYTES

FLOATS = {"1": ("FloatStorage", bytes(40)), "2": ("FloatStorage", b"\1" * 400), "3": ("FloatStorage", b"")}
MIXED = {**FLOATS, "0": ("LongStorage", b"\2" * 80), "4": ("HalfStorage", b"\3" * 30), "5": ("ByteStorage", b"\4" * 7)}
SHARED = {"1": ("FloatStorage", bytes(8)), "2": ("LongStorage", b"")}
START = len(torch_legacy.MAGIC) + 2


def judged(data: bytes) -> HeaderFacts:
    return torch_legacy.judge(BytesWindow(data))


VALID = {
    "one type": (legacy(FLOATS), len(legacy(FLOATS))),
    "protocol 3": (legacy(FLOATS, protocol=3), len(legacy(FLOATS, protocol=3))),
    "protocol 4": (legacy(FLOATS, protocol=4), len(legacy(FLOATS, protocol=4))),
    "protocol 5": (legacy(FLOATS, protocol=5), len(legacy(FLOATS, protocol=5))),
    "several types": (legacy(MIXED), len(legacy(MIXED))),
    "no storages": (legacy({}), len(legacy({}))),
    "bytes behind the end": (legacy(FLOATS) + b"x" * 100, len(legacy(FLOATS))),
}


@pytest.mark.parametrize(("data", "declared_bytes"), VALID.values(), ids=VALID)
def test_valid_files_are_accepted(data: bytes, declared_bytes: int | None) -> None:
    facts = judged(data)
    assert (facts.fault, facts.undecided, facts.declared_bytes) == (None, None, declared_bytes)
    assert facts.payload_offset is not None


@pytest.mark.parametrize("storages", [FLOATS, MIXED, {}], ids=["one type", "several types", "none"])
def test_every_cut_is_truncation(storages: dict[str, tuple[str, bytes]]) -> None:
    data = legacy(storages)
    for length in range(len(data)):
        facts = judged(data[:length])
        assert facts.fault is not None, length
        assert facts.fault.code == "truncated"


def test_a_cut_file_is_told_by_what_it_lost() -> None:
    data = legacy(MIXED)
    facts = judged(data[:-20])
    assert facts.declared_bytes == len(data)
    assert (facts.lost_tensors, facts.lost_tensors_total) == (("storage 4", "storage 5"), 2)


@pytest.mark.parametrize("storages", [FLOATS, MIXED], ids=["one type", "several types"])
def test_a_count_that_is_not_the_pickles_is_a_fault(storages: dict[str, tuple[str, bytes]]) -> None:
    """torch: storage has wrong byte size."""
    data = legacy(storages)
    first = judged(data).payload_offset
    assert first is not None
    for count in (b"\xff" * 8, (2**61).to_bytes(8, "little"), bytes(8)):
        fault = judged(patched(data, first, count)).fault
        assert fault is not None
        assert fault.code == "storage-count"


def test_a_storage_that_is_described_twice_is_laid_out_by_the_first() -> None:
    """torch: empty tensors of several types may share one storage, whose first description it writes and reads."""
    data = legacy(SHARED)
    second = b"X\1\0\0\0002"
    assert data.count(second) == 2
    keys = data.rindex(second)
    facts = judged(data[:keys].replace(second, b"X\1\0\0\0001") + data[keys:].replace(second + b"q\1", b"")[:-8])
    assert (facts.fault, facts.undecided, facts.tensor_count) == (None, None, 1)


def test_ranges_lead_to_the_storages_that_they_touch() -> None:
    facts = judged(legacy(MIXED))
    assert facts.packed_header is not None
    assert facts.payload_offset is not None
    assert facts.tensor_count == len(MIXED)
    packed = zlib.decompress(facts.packed_header)
    first = 8 + len(MIXED["0"][1])
    assert torch_legacy.touched(packed, [ByteRange(facts.payload_offset, first)]).names == ("storage 0",)
    assert torch_legacy.touched(packed, [ByteRange(facts.payload_offset + first, 1)]).names == ("storage 1",)
    assert torch_legacy.touched(packed, [ByteRange(0, 1)]).in_header


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x80\x02" + b"x" * 100, "not-legacy-torch"),
        (b"\x80\x05" + legacy(FLOATS)[2:], "not-legacy-torch"),
        (legacy(FLOATS).replace(b"M\xe9\3.", b"M\xea\3.", 1), "protocol-version"),
        (legacy(FLOATS).replace(b"X\x10\0\0\0", b"X\x10\0\0\x7f", 1), "truncated"),
        (legacy(FLOATS).replace(b"X\1\0\0\0003X\3", b"X\1\0\0\0009X\3", 1), "storage-list"),
        (legacy(FLOATS).replace(b"J\x0a\0\0\0", b"\x8a\x08" + b"\xff" * 7 + b"\x7f", 1), "truncated"),
        (legacy(FLOATS).replace(b"ctorch", b"\xfetorch", 1), "pickle-instruction"),
        (legacy(FLOATS).replace(b"](", b"]", 1), "pickle-instruction"),
        (legacy(FLOATS).replace(b"](", b"h\7(", 1), "pickle-instruction"),
        (legacy(FLOATS).replace(b"](", b"\x95\xff\xff\0\0\0\0\0\0](", 1), "truncated"),
        (legacy(FLOATS).replace(b"ctorch", b"ct\xf5rch", 1), "pickle-text"),
        (legacy(FLOATS).replace(b"cpu", b"cp\xf5", 1), "pickle-text"),
        (legacy(SHARED).replace(b"X\1\0\0\0002X\3", b"X\1\0\0\0001X\3", 1), "storage-list"),
    ],
)
def test_faulty_files_are_refused(data: bytes, code: str) -> None:
    fault = judged(data).fault
    assert fault is not None
    assert fault.code == code
    assert fault.detail.isprintable()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (legacy(FLOATS).replace(b"M\xe9\3.", b"I1\n.", 1), "unknown-to-us"),
        (legacy({"1": ("StrangeStorage", bytes(8))}), "unknown-to-us"),
        (legacy({"1": ("StrangeStorage", bytes(8))})[:-8], "unknown-to-us"),
        (legacy(FLOATS).replace(b"NtQ", b"NtP9\n", 1), "unknown-to-us"),
        (legacy(FLOATS).replace(b"NtQ", b"NNtQ", 1), "unknown-to-us"),
        (legacy(FLOATS).replace(b"J\x0a\0\0\0", b"J\x0a\0\0\x80", 1), "unknown-to-us"),
        (legacy(FLOATS)[: START + 6] + b"\x80\x02I" + b"1" * 5000, "unknown-to-us"),
        (legacy(FLOATS)[: START + 6] + b"N0" * 1_000_000 + b".", "header-too-large-to-judge"),
        (legacy(FLOATS)[: START + 6] + b"(" * 2_000_000, "header-too-large-to-judge"),
        (legacy(FLOATS)[: START + 6] + b"cx\nyStorage\n" * 200_000, "header-too-large-to-judge"),
        (legacy(FLOATS)[: START + 6] + (b"B\xff\xff\3\0" + bytes(0x3FFFF)) * 200, "header-too-large-to-judge"),
    ],
    ids=[
        "version",
        "a type",
        "a type, cut",
        "a reference by its name",
        "a reference of seven parts",
        "a negative number",
        "line",
        "instructions",
        "marks",
        "lines",
        "strings",
    ],
)
def test_what_we_cannot_judge_is_not_accused(data: bytes, reason: str) -> None:
    window = BytesWindow(data)
    begun = time.process_time()
    facts = torch_legacy.judge(window)
    assert time.process_time() - begun < 2
    assert (facts.fault, facts.undecided) == (None, reason)
    assert facts.undecided_detail.isprintable()
    assert window.bytes_read <= MAX_READ_BYTES


def test_lists_that_may_hold_more_than_strings_are_not_counted() -> None:
    keys = b"\x80\x02]q\0("
    data = legacy(FLOATS)
    assert data.count(keys) == 1
    facts = judged(data.replace(keys, keys + b"K\1")[:-300])
    assert (facts.fault, facts.undecided) == (None, "unknown-to-us")


def test_many_storages_of_many_sizes_are_judged_in_time() -> None:
    kinds = ("ByteStorage", "HalfStorage", "FloatStorage", "LongStorage")
    storages = {f"{number:05}": (kinds[number % 4], b"\1" * 8) for number in range(torch_legacy.MAX_COUNTS_READ + 100)}
    data = legacy(storages)
    begun = time.process_time()
    assert judged(data).fault is None
    fault = judged(data[:-1]).fault
    assert fault is not None
    assert fault.code == "truncated"
    assert time.process_time() - begun < 2


def test_real_files_are_accepted_and_their_cuts_are_not(material: Material) -> None:
    for path in material.torch_legacy:
        data = path.read_bytes()
        facts = judged(data)
        assert (facts.fault, facts.undecided, facts.declared_bytes) == (None, None, len(data))
        lost = judged(data[:-1]).lost_tensors
        assert lost and lost[0].startswith("lin") and lost[0].endswith(".weight"), "named by the pickle of Python 2"
        for length in range(0, len(data), 97):
            fault = judged(data[:length]).fault
            assert fault is not None
            assert fault.code == "truncated"
