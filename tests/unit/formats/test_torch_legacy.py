"""Files of torch before 1.6, which check nothing themselves: only what can be proved is said."""

from __future__ import annotations

import time

import pytest

from tests.fakes.torch_files import legacy, patched
from tests.fakes.windows import BytesWindow
from tests.support.material import Material
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.formats import torch_legacy
from wan_healthd.formats.window import MAX_READ_BYTES

FLOATS = {"1": ("FloatStorage", bytes(40)), "2": ("FloatStorage", b"\1" * 400), "3": ("FloatStorage", b"")}
MIXED = {**FLOATS, "0": ("LongStorage", b"\2" * 80), "4": ("HalfStorage", b"\3" * 30), "5": ("ByteStorage", b"\4" * 7)}
PICKLES_END = len(legacy({key: (kind, b"") for key, (kind, _) in FLOATS.items()})) - 8 * len(FLOATS)
START = len(torch_legacy.MAGIC) + 2


def judged(data: bytes) -> HeaderFacts:
    return torch_legacy.judge(BytesWindow(data))


VALID = {
    "one type": (legacy(FLOATS), len(legacy(FLOATS))),
    "protocol 3": (legacy(FLOATS, protocol=3), len(legacy(FLOATS, protocol=3))),
    "several types": (legacy(MIXED), None),
    "a type that we do not know": (legacy({"1": ("StrangeStorage", bytes(8))}), None),
    "a type that we do not know, cut": (legacy({"1": ("StrangeStorage", bytes(8))})[:-8], None),
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


def test_the_size_is_told_where_it_is_certain() -> None:
    data = legacy({"1": ("FloatStorage", bytes(40)), "2": ("FloatStorage", bytes(400))})
    assert judged(data[:-1]).declared_bytes == len(data)
    assert judged(data[:-450]).declared_bytes is None


def test_a_count_beyond_the_file_is_truncation() -> None:
    data = legacy(FLOATS)
    for count in (b"\xff" * 8, (2**61).to_bytes(8, "little")):
        fault = judged(patched(data, PICKLES_END, count)).fault
        assert fault is not None
        assert fault.code == "truncated"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x80\x02" + b"x" * 100, "not-legacy-torch"),
        (b"\x80\x05" + legacy(FLOATS)[2:], "not-legacy-torch"),
        (legacy(FLOATS).replace(b"M\xe9\3.", b"M\xea\3.", 1), "protocol-version"),
        (legacy(FLOATS).replace(b"X\x10\0\0\0", b"X\x10\0\0\x7f", 1), "truncated"),
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
        (legacy(FLOATS).replace(b"ctorch", b"\x95torch", 1), "unknown-to-us"),
        (legacy(FLOATS)[: START + 6] + b"\x80\x02I" + b"1" * 5000, "unknown-to-us"),
        (legacy(FLOATS)[: START + 6] + b"0" * 2_000_000 + b".", "header-too-large-to-judge"),
        (legacy(FLOATS)[: START + 6] + b"cx\nyStorage\n" * 200_000, "header-too-large-to-judge"),
        (legacy(FLOATS)[: START + 6] + (b"B\xff\xff\3\0" + bytes(0x3FFFF)) * 200, "header-too-large-to-judge"),
    ],
    ids=["version", "instruction", "line", "instructions", "lines", "strings"],
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
    cut = data.replace(keys, keys + b"K\1")[:-300]
    assert judged(cut).fault is None


def test_many_types_of_many_sizes_are_given_up_in_time() -> None:
    kinds = ("ByteStorage", "HalfStorage", "FloatStorage", "LongStorage")
    storages = {f"{number:04}": (kinds[number % 4], b"\1" * 8) for number in range(3000)}
    data = legacy(storages)
    begun = time.process_time()
    assert judged(data).fault is None
    judged(data[:-1])
    assert time.process_time() - begun < 2


def test_real_files_are_accepted_and_their_cuts_are_not(material: Material) -> None:
    for path in material.torch_legacy:
        data = path.read_bytes()
        facts = judged(data)
        assert (facts.fault, facts.undecided, facts.declared_bytes) == (None, None, len(data))
        for length in range(0, len(data), 97):
            fault = judged(data[:length]).fault
            assert fault is not None
            assert fault.code == "truncated"
