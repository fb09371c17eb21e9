"""Every known shape of good and bad safetensors files, with the real loader's word beside ours."""

from __future__ import annotations

import json
import re
import time
import zlib
from inspect import getsource
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fakes.real_loader import refusal, refusal_of_file
from tests.fakes.safetensors_files import make, pack, sample
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.formats import exact_table, safetensors, strict_json, tensor_extents, tensor_table, touching
from wan_healthd.formats.dtypes import ELEMENT_BITS

ONE = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
FOUR = b"\0\1\2\3"


def facts_of(data: bytes) -> HeaderFacts:
    length = safetensors.judge_length(data[:8], len(data))
    return length if isinstance(length, HeaderFacts) else safetensors.judge(data[8 : 8 + length], len(data))


def with_extra(value: bytes) -> bytes:
    """A header with one more field in its tensor."""
    return ONE.replace(b'"dtype"', b'"x":' + value + b',"dtype"')


def with_shape(shape: bytes) -> bytes:
    return ONE.replace(b"[1]", shape)


def rows(*offsets: tuple[int, int], dtype: str = "U8") -> bytes:
    table = {
        f"t{index}": {"dtype": dtype, "shape": [max(0, end - begin)], "data_offsets": [begin, end]}
        for index, (begin, end) in enumerate(offsets)
    }
    return json.dumps(table).encode()


VALID = {
    "plain": pack(ONE, FOUR),
    "white space before and behind": pack(b" \n" + ONE + b" \t\r\n", FOUR),
    "length that is not a multiple of eight": pack(ONE + b" " * (7 - len(ONE) % 8), FOUR),
    "white space between": pack(json.dumps(json.loads(ONE), indent=3).encode(), FOUR),
    "no tensors": pack(b"{}"),
    "only metadata": pack(b'{"__metadata__":{"a":"b"}}'),
    "no metadata at all": pack(b'{"__metadata__":null}'),
    "metadata behind the tensors": pack(ONE[:-1] + b',"__metadata__":{"a":"b"}}', FOUR),
    "metadata with escapes": pack(b'{"__metadata__":{"a":"{\\"b\\": \\"\\\\u00e9\\"}"},' + ONE[1:], FOUR),
    "metadata with a key twice": pack(b'{"__metadata__":{"a":"1","a":"2"},' + ONE[1:], FOUR),
    "metadata named with an escape": pack(b'{"__met\\u0061data__":{"a":"1"},' + ONE[1:], FOUR),
    "zero-size tensor": pack(rows((0, 0), (0, 4), (4, 4)), FOUR),
    "shape with a zero": pack(with_shape(b"[1,0,7]").replace(b"[0,4]", b"[0,0]")),
    "scalar": pack(with_shape(b"[]"), FOUR),
    "tensors in another order": pack(rows((2, 4), (0, 2)), FOUR),
    "extra fields": pack(with_extra(b'[1,{"y":null},"z",true,-1.5e3]'), FOUR),
    "extra field, very small number": pack(with_extra(b"1e-999"), FOUR),
    "extra field, 300 digits": pack(with_extra(b"9" * 300), FOUR),
    "extra field, 500 digits behind the point": pack(with_extra(b"0." + b"9" * 500), FOUR),
    "extra field, 500 zeros, then a power": pack(with_extra(b"0." + b"0" * 500 + b"1e+700"), FOUR),
    "extra field, zero with a huge power": pack(with_extra(b"0e" + b"9" * 500), FOUR),
    "127 containers": pack(with_extra(b"[" * 125 + b"]" * 125), FOUR),
    "tensor twice": pack(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},' + ONE[1:], FOUR),
    "tensor as an array": pack(b'{"a":["F32",[1],[0,4]]}', FOUR),
    "dtype as a variant": pack(ONE.replace(b'"F32"', b'{"F32":null}'), FOUR),
    "escaped field name": pack(ONE.replace(b'"dtype"', b'"d\\u0074ype"'), FOUR),
    "astral name": pack(ONE.replace(b'"a"', b'"\\ud83d\\ude00 \xf0\x9f\x98\x80"'), FOUR),
    "empty name": pack(ONE.replace(b'"a"', b'""'), FOUR),
    "name with a dash and a zero": pack(ONE.replace(b'"a"', b'"a,-0"'), FOUR),
    "sub-byte dtype, whole bytes": pack(rows((0, 3), dtype="F6_E2M3").replace(b"[3]", b"[2,2]"), FOUR[:3]),
    **{
        f"dtype {name}": make({"a": (name, (8,), bytes(bits))}) for name, bits in ELEMENT_BITS.items()
    },
    "sample": sample(seed=1, size_bytes=40_000, tensors=12),
}  # fmt: skip


class Bad(NamedTuple):
    """A file, our code for its fault, and what the real loader says."""

    data: bytes
    code: str
    loader: str


TOO_LARGE = "header too large"
BAD_LENGTH = "invalid header length"
BAD_JSON = "invalid JSON in header"
BAD_INFO = "invalid shape, data type, or offset"
BAD_OFFSET = "invalid offset for tensor"
NOT_COVERED = "incomplete metadata, file not fully covered"
OVERFLOW = "overflow computing buffer size"

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"5" * 64 + b"\nsize 9999658848\n"
INVALID = {
    # by its length
    "empty file": Bad(b"", "header-too-short", "header too small"),
    "seven bytes": Bad(b"\x20" + bytes(6), "header-too-short", "header too small"),
    "git-LFS pointer": Bad(POINTER, "not-safetensors", TOO_LARGE),
    "HTML page": Bad(b"<!DOCTYPE html><html><body>404</body></html>", "not-safetensors", TOO_LARGE),
    "JSON error": Bad(b'{"error":"Repository not found"}', "not-safetensors", TOO_LARGE),
    "plain text": Bad(b"Entry not found\n", "not-safetensors", TOO_LARGE),
    "GGUF": Bad(b"GGUF\x03\0\0\0" + bytes(64), "not-safetensors", TOO_LARGE),
    "zip": Bad(b"PK\x03\x04\0\0\x08\x08" + bytes(64), "not-safetensors", TOO_LARGE),
    "zip without flags": Bad(b"PK\x03\x04\0\0\0\0" + bytes(64), "not-safetensors", BAD_LENGTH),
    "length of 2^64-1": Bad(b"\xff" * 8 + ONE + FOUR, "header-length", TOO_LARGE),
    "length above the loader's limit": Bad((100_000_001).to_bytes(8, "little") + ONE, "header-length", TOO_LARGE),
    "length that lies": Bad((100_000_000).to_bytes(8, "little") + ONE + FOUR, "truncated", BAD_LENGTH),
    "cut inside the header": Bad(pack(ONE, FOUR)[:30], "truncated", BAD_LENGTH),
    "only a length": Bad(pack(ONE)[:8], "truncated", BAD_LENGTH),
    # not JSON
    "zeros": Bad(bytes(4096), "not-json", BAD_JSON),
    "length of zero": Bad(pack(b"", FOUR), "not-json", BAD_JSON),
    "not UTF-8": Bad(pack(ONE.replace(b'"a"', b'"\xff"'), FOUR), "not-utf8", "invalid UTF-8 in header"),
    "encoded surrogate": Bad(pack(ONE.replace(b'"a"', b'"\xed\xa0\x80"'), FOUR), "not-utf8", "invalid UTF-8 in header"),
    "byte order mark": Bad(pack(b"\xef\xbb\xbf" + ONE, FOUR), "not-json", BAD_JSON),
    "padded with NUL": Bad(pack(ONE + b"\0\0", FOUR), "not-json", BAD_JSON),
    "form feed": Bad(pack(ONE + b"\f", FOUR), "not-json", BAD_JSON),
    "cut JSON": Bad(pack(ONE[:-1], FOUR), "not-json", BAD_JSON),
    "two values": Bad(pack(ONE + ONE, FOUR), "not-json", BAD_JSON),
    "array": Bad(pack(b"[]"), "not-json", BAD_JSON),
    "null": Bad(pack(b"null"), "not-json", BAD_JSON),
    "trailing comma": Bad(pack(ONE[:-1] + b",}", FOUR), "not-json", BAD_JSON),
    "trailing comma behind metadata": Bad(pack(b'{"__metadata__":{},}'), "not-json", BAD_JSON),
    "trailing comma in metadata": Bad(pack(b'{"__metadata__":{"a":"b",}}'), "not-json", BAD_JSON),
    "no comma": Bad(pack(ONE.replace(b",", b" ", 1), FOUR), "not-json", BAD_JSON),
    "no colon": Bad(pack(ONE.replace(b":", b" ", 1), FOUR), "not-json", BAD_JSON),
    "name without quotes": Bad(pack(ONE.replace(b'"a"', b"a"), FOUR), "not-json", BAD_JSON),
    "number as a name": Bad(pack(ONE.replace(b'"a"', b"1"), FOUR), "not-json", BAD_JSON),
    "control character": Bad(pack(ONE.replace(b'"a"', b'"\x01"'), FOUR), "not-json", BAD_JSON),
    "bad escape": Bad(pack(ONE.replace(b'"a"', b'"\\q"'), FOUR), "not-json", BAD_JSON),
    "lone surrogate": Bad(pack(ONE.replace(b'"a"', b'"\\ud800"'), FOUR), "not-json", BAD_JSON),
    "lone surrogate in an extra field": Bad(pack(with_extra(b'"\\udc00"'), FOUR), "not-json", BAD_JSON),
    "NaN": Bad(pack(with_extra(b"NaN"), FOUR), "not-json", BAD_JSON),
    "leading zero": Bad(pack(with_shape(b"[01]"), FOUR), "not-json", BAD_JSON),
    "value is missing": Bad(pack(with_extra(b""), FOUR), "not-json", BAD_JSON),
    "too large a number": Bad(pack(with_extra(b"-1e999"), FOUR), "not-json", BAD_JSON),
    "400 digits": Bad(pack(with_extra(b"9" * 401), FOUR), "not-json", BAD_JSON),
    "huge power": Bad(pack(with_extra(b"1e" + b"9" * 500), FOUR), "not-json", BAD_JSON),
    "128 containers": Bad(pack(with_extra(b"[" * 126 + b"]" * 126), FOUR), "nesting", BAD_JSON),
    "128 containers, objects": Bad(pack(with_extra(b'{"y":' * 126 + b"1" + b"}" * 126), FOUR), "nesting", BAD_JSON),
    # metadata
    "metadata twice": Bad(pack(b'{"__metadata__":null,"__metadata__":{},' + ONE[1:], FOUR), "metadata", BAD_JSON),
    "metadata again behind": Bad(pack(b'{"__metadata__":{},' + ONE[1:-1] + b',"__metadata__":{}}', FOUR), "metadata", BAD_JSON),
    "metadata with a number": Bad(pack(b'{"__metadata__":{"a":1},' + ONE[1:], FOUR), "metadata", BAD_JSON),
    "metadata as an array": Bad(pack(b'{"__metadata__":[],' + ONE[1:], FOUR), "metadata", BAD_JSON),
    "metadata like a tensor": Bad(pack(ONE.replace(b'"a"', b'"__metadata__"'), FOUR), "metadata", BAD_JSON),
    # one tensor
    "unknown dtype": Bad(pack(ONE.replace(b"F32", b"F33"), FOUR), "dtype-unknown", BAD_JSON),
    "dtype in small letters": Bad(pack(ONE.replace(b"F32", b"f32"), FOUR), "dtype-unknown", BAD_JSON),
    "dtype as a number": Bad(pack(ONE.replace(b'"F32"', b"17"), FOUR), "tensor-info", BAD_JSON),
    "dtype with content": Bad(pack(ONE.replace(b'"F32"', b'{"F32":{}}'), FOUR), "tensor-info", BAD_JSON),
    "dtype of no variant": Bad(pack(ONE.replace(b'"F32"', b"{}"), FOUR), "tensor-info", BAD_JSON),
    "dtype of two variants": Bad(pack(ONE.replace(b'"F32"', b'{"F32":null,"F32":null}'), FOUR), "tensor-info", BAD_JSON),
    "tensor is a number": Bad(pack(b'{"x":1,' + ONE[1:], FOUR), "tensor-info", BAD_JSON),
    "tensor without dtype": Bad(pack(ONE.replace(b'"dtype":"F32",', b""), FOUR), "tensor-info", BAD_JSON),
    "tensor with a field twice": Bad(pack(ONE.replace(b'"dtype"', b'"dtype":"F32","dtype"'), FOUR), "tensor-info", BAD_JSON),
    "array of four": Bad(pack(b'{"a":["F32",[1],[0,4],1]}', FOUR), "tensor-info", BAD_JSON),
    "array of two": Bad(pack(b'{"a":["F32",[1]]}', FOUR), "tensor-info", BAD_JSON),
    "first of a double is bad": Bad(
        pack(b'{"a":{"dtype":"XX","shape":[1],"data_offsets":[0,4]},' + ONE[1:], FOUR), "dtype-unknown", BAD_JSON
    ),
    "negative dimension": Bad(pack(with_shape(b"[-1]"), FOUR), "tensor-info", BAD_JSON),
    "minus zero": Bad(pack(ONE.replace(b"[0,4]", b"[-0,4]"), FOUR), "tensor-info", BAD_JSON),
    "dimension with a point": Bad(pack(with_shape(b"[1.0]"), FOUR), "tensor-info", BAD_JSON),
    "dimension as text": Bad(pack(with_shape(b'["1"]'), FOUR), "tensor-info", BAD_JSON),
    "dimension true": Bad(pack(with_shape(b"[true]"), FOUR), "tensor-info", BAD_JSON),
    "dimension of 2^64": Bad(pack(with_shape(b"[18446744073709551616]"), FOUR), "tensor-info", BAD_JSON),
    "dimension of a million digits": Bad(pack(with_shape(b"[" + b"9" * 1_000_000 + b"]"), FOUR), "tensor-info", BAD_JSON),
    "shape null": Bad(pack(with_shape(b"null"), FOUR), "tensor-info", BAD_JSON),
    "three offsets": Bad(pack(ONE.replace(b"[0,4]", b"[0,4,4]"), FOUR), "tensor-info", BAD_JSON),
    "one offset": Bad(pack(ONE.replace(b"[0,4]", b"[4]"), FOUR), "tensor-info", BAD_JSON),
    # sizes and offsets
    "shape of another size": Bad(pack(with_shape(b"[2]"), FOUR), "tensor-size", BAD_INFO),
    "dtype of another size": Bad(pack(ONE.replace(b"F32", b"F16"), FOUR), "tensor-size", BAD_INFO),
    "half a byte": Bad(pack(rows((0, 1), dtype="F4"), b"\0"), "tensor-misaligned", "slicing for subbytes"),
    "offset overflow in the shape": Bad(
        pack(with_shape(b"[18446744073709551615,18446744073709551615]"), FOUR), "shape-overflow", OVERFLOW
    ),
    "offset overflow with the dtype": Bad(pack(with_shape(b"[18446744073709551615]"), FOUR), "shape-overflow", OVERFLOW),
    "overflow before a zero": Bad(pack(with_shape(b"[9223372036854775807,3,0]"), FOUR), "shape-overflow", OVERFLOW),
    "hole": Bad(pack(rows((0, 1), (2, 4)), FOUR), "offsets-hole", BAD_OFFSET),
    "hole at the start": Bad(pack(rows((1, 4)), FOUR), "offsets-hole", BAD_OFFSET),
    "overlap": Bad(pack(rows((0, 3), (2, 4)), FOUR), "offsets-overlap", BAD_OFFSET),
    "same bytes twice": Bad(pack(rows((0, 4), (0, 4)), FOUR), "offsets-overlap", BAD_OFFSET),
    "end before begin": Bad(pack(rows((0, 4), (4, 2)), FOUR), "offsets-backwards", BAD_OFFSET),
    # the file's size
    "cut by one byte": Bad(pack(ONE, FOUR[:-1]), "truncated", NOT_COVERED),
    "cut in half": Bad(sample(1, 40_000, 12)[:20_000], "truncated", NOT_COVERED),
    "cut behind the header": Bad(pack(ONE), "truncated", NOT_COVERED),
    "one byte more": Bad(pack(ONE, FOUR + b"\0"), "trailing-bytes", NOT_COVERED),
    "no tensors, but bytes": Bad(pack(b"{}", FOUR), "trailing-bytes", NOT_COVERED),
}  # fmt: skip


@pytest.mark.parametrize("name", VALID)
def test_accepts_what_the_real_loader_accepts(name: str) -> None:
    data = VALID[name]
    assert refusal(data) is None
    facts = facts_of(data)
    assert (facts.fault, facts.undecided) == (None, None)
    assert facts.declared_bytes == len(data)
    assert facts.packed_header is not None
    assert zlib.decompress(facts.packed_header) == data[8 : facts.payload_offset]


@pytest.mark.parametrize("name", INVALID)
def test_refuses_what_the_real_loader_refuses(name: str, tmp_path: Path) -> None:
    bad = INVALID[name]
    assert bad.loader in (refusal(bad.data) or "loaded")
    assert (refusal_of_file(bad.data, tmp_path) or "loaded") != "loaded"
    fault = facts_of(bad.data).fault
    assert fault is not None
    assert fault.code == bad.code
    assert fault.detail.isprintable()
    assert len(fault.detail) < 300


def test_every_code_is_kebab_case_and_tested() -> None:
    modules = (exact_table, safetensors, strict_json, tensor_extents, tensor_table)
    raised = {
        code
        for module in modules
        for code in re.findall(r'(?:Malformed|_faulty|HeaderFault|_size_fault)\(\s*"([a-z0-9-]+)"', getsource(module))
    }
    assert raised - {bad.code for bad in INVALID.values()} == {"offsets-overflow"}


def test_a_file_cut_at_every_boundary_is_truncated_and_says_how_much_is_missing() -> None:
    whole = sample(seed=3, size_bytes=600, tensors=2)
    for size in range(8, len(whole)):
        facts = facts_of(whole[:size])
        assert facts.fault is not None
        assert facts.fault.code == "truncated"
        in_header = size < facts_of(whole).payload_offset  # type: ignore[operator]
        assert facts.declared_bytes == (None if in_header else len(whole))


def test_a_cut_or_lengthened_file_keeps_its_table() -> None:
    whole = sample(seed=3, size_bytes=600, tensors=2)
    sound = facts_of(whole)
    for damaged in (whole[:-1], whole + b"\0"):
        facts = facts_of(damaged)
        assert (facts.declared_bytes, facts.tensor_count, facts.packed_header) == (len(whole), 2, sound.packed_header)


def test_a_faulty_table_is_not_kept() -> None:
    facts = facts_of(INVALID["hole"].data)
    assert (facts.packed_header, facts.declared_bytes, facts.tensor_count) == (None, None, None)


def test_names_are_printable_and_short_in_details() -> None:
    name = "\\u001b[2J" + "x" * 100_000
    fault = facts_of(pack(ONE.replace(b'"a"', f'"{name}"'.encode()).replace(b"[1]", b"[2]"), FOUR)).fault
    assert fault is not None
    assert fault.detail.startswith("tensor \\x1b[2Jxxx")
    assert len(fault.detail) < 200


def test_headers_too_large_to_judge_are_left_undecided() -> None:
    length = safetensors.MAX_HEADER_BYTES + 1
    for size in (length + 8, 2 * safetensors.LOADER_MAX_HEADER_BYTES):
        facts = safetensors.judge_length(length.to_bytes(8, "little"), size)
        assert isinstance(facts, HeaderFacts)
        assert (facts.fault, facts.undecided) == (None, "header-too-large-to-judge")
    assert safetensors.judge(b" " * length, length + 8).undecided == "header-too-large-to-judge"


def test_the_largest_header_that_is_judged() -> None:
    header = ONE + b" " * (safetensors.MAX_HEADER_BYTES - len(ONE))
    data = pack(header, FOUR)
    facts = facts_of(data)
    assert (facts.fault, facts.undecided, facts.packed_header) == (None, None, None)
    assert refusal(data) is None


def test_sizes_beyond_any_file_are_a_fault() -> None:
    """The loader adds these offsets modulo 2^64; its sum could come out right by accident."""
    step = 2**61 - 1
    facts = facts_of(pack(rows(*((index * step, (index + 1) * step) for index in range(5)))))
    assert facts.fault is not None
    assert facts.fault.code == "offsets-overflow"


HOSTILE_BYTES = 8 << 20
HOSTILE = {
    "100,000 tensors that overlap": rows(*[(0, 4000)] * 100_000),
    "deep arrays": b'{"a":{"x":' + b"[" * HOSTILE_BYTES,
    "deep objects": b'{"a":{"x":' + b'{"y":' * (HOSTILE_BYTES // 5),
    "long number": b'{"a":{"x":' + b"9" * HOSTILE_BYTES + b"}}",
    "long shape": with_shape(b"[" + b"999," * (HOSTILE_BYTES // 4) + b"999]"),
    "open string": b'{"a":{"x":"' + b"\\n" * (HOSTILE_BYTES // 2),
    "white space": b" " * HOSTILE_BYTES,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers_are_refused_in_bounded_time(name: str) -> None:
    data = pack(HOSTILE[name], FOUR)
    assert refusal(data) is not None
    begin = time.process_time()
    assert facts_of(data).fault is not None
    assert time.process_time() - begin < 2.0


def test_more_values_than_are_read_leave_the_header_undecided() -> None:
    data = pack(with_extra(b"[" + b"0," * 2_000_000 + b"0]"), FOUR)
    assert facts_of(data).undecided == "header-too-large-to-judge"


class TestTensorsTouched:
    """Ranges are of the file; the payload begins behind the header."""

    header = rows((0, 10), (10, 10), (10, 25), (25, 26))
    base = 8 + len(header)

    def touched(self, *ranges: tuple[int, int]) -> tuple[str, ...]:
        answer = safetensors.tensors_touched(self.header, [ByteRange(self.base + at, length) for at, length in ranges])
        assert answer.total == len(answer.names)
        return answer.names

    def test_edges(self) -> None:
        assert self.touched((0, 1)) == ("t0",)
        assert self.touched((9, 1)) == ("t0",)
        assert self.touched((10, 1)) == ("t2",)
        assert self.touched((9, 2)) == ("t0", "t2")
        assert self.touched((25, 100)) == ("t3",)
        assert self.touched((26, 100)) == ()

    def test_each_tensor_once_and_in_file_order(self) -> None:
        assert self.touched((24, 2), (11, 1), (13, 1), (0, 1)) == ("t0", "t2", "t3")

    def test_the_header(self) -> None:
        def in_header(at: int, length: int) -> bool:
            return safetensors.tensors_touched(self.header, [ByteRange(at, length)]).in_header

        assert in_header(0, 1)
        assert in_header(self.base - 1, 5)
        assert not in_header(self.base, 5)
        assert not in_header(0, 0)

    def test_names_are_bounded_and_the_rest_is_counted(self) -> None:
        header = json.dumps(
            {f"{index}" + "x" * 600: {"dtype": "U8", "shape": [1], "data_offsets": [index, index + 1]} for index in range(500)}
        ).encode()
        answer = safetensors.tensors_touched(header, [ByteRange(8 + len(header), 1000)])
        assert answer.total == 500
        assert len(answer.names) == touching.MAX_NAMES
        assert {len(name) for name in answer.names} == {touching.MAX_NAME_CHARS}

    @pytest.mark.parametrize("header", [b"", b"{", rows((1, 4)), b"\xff"])
    def test_faulty_headers_name_nothing(self, header: bytes) -> None:
        answer = safetensors.tensors_touched(header, [ByteRange(0, 1000)])
        assert (answer.names, answer.total, answer.in_header) == ((), 0, False)
