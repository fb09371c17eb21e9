"""Every known shape of good and bad GGUF files.

ggml itself (as llama-cpp-python 0.3.36 has it, built by hand) agreed with each verdict but those on files of video models.
"""

from __future__ import annotations

import re
import struct
import time
import zlib
from inspect import getsource
from typing import NamedTuple

import pytest

from tests.fakes import gguf_files as files
from tests.fakes.gguf_files import Tensor, alignment_entry, array, entry, header, make, string, text_entry
from tests.fakes.windows import BytesWindow, ShrinkingWindow
from wan_healthd.domain.evidence import HeaderFacts, Impostor, ModelKind
from wan_healthd.domain.extents import ByteRange
from wan_healthd.formats import gguf, gguf_metadata, gguf_tensors
from wan_healthd.formats.ggml_types import BLOCKS

MODEL = make(
    [text_entry(b"general.architecture", b"wan"), entry(b"general.file_type", files.U32, b"\1\0\0\0")],
    [Tensor(b"a.weight", (64, 3), files.Q8_0_TENSOR), Tensor(b"a.bias", (3,)), Tensor(b"b.weight", (5,), files.F16_TENSOR)],
)
LAST_PADDING = 32 - 10


def judge(data: bytes, size_bytes: int | None = None) -> HeaderFacts:
    return gguf.judge(BytesWindow(data, size_bytes))


def values(count: int, size_bytes: int) -> list[bytes]:
    return [b"\x7f" * size_bytes] * count


VALID = {
    "nothing at all": make(),
    "version 2": header(version=2),
    "only keys": make([text_entry(b"k", b"v")]),
    "sample": MODEL,
    "without the last padding": MODEL[:-LAST_PADDING],
    "with bytes behind": MODEL + b"more",
    "alignment 1": make([alignment_entry(1)], [Tensor(b"a", (3,), 24), Tensor(b"b", (5,))], alignment=1),
    "alignment 4096": make([alignment_entry(4096)], [Tensor(b"a", (3,)), Tensor(b"b", (5,))], alignment=4096),
    "zero dimension": make([], [Tensor(b"a", (0, 5)), Tensor(b"b", (5, 0, 3)), Tensor(b"c", (2,))]),
    "no dimensions": make([], [Tensor(b"a", ())]),
    "four dimensions": make([], [Tensor(b"a", (2, 2, 2, 2))]),
    "name of 63 bytes": make([], [Tensor(b"n" * 63, (1,))]),
    "names that differ behind a NUL": make([], [Tensor(b"a", (8,)), Tensor(b"a\0b", (8,))]),
    "empty name": make([], [Tensor(b"", (1,))]),
    "name that is not UTF-8": make([], [Tensor(b"\xff\xfe", (1,))]),
    "empty string": make([text_entry(b"k", b"")]),
    "long string": make([text_entry(b"k", b"v" * 300_000), text_entry(b"l", b"w")]),
    "strings": make([entry(b"k", files.ARRAY, array(files.STRING, [string(b"v" * (number % 70)) for number in range(9000)]))]),
    "long strings": make([entry(b"k", files.ARRAY, array(files.STRING, [string(b"v" * 200_000)] * 5))]),
    "architecture of another type": make([entry(b"general.architecture", files.U8, b"\1")]),
    **{
        f"value type {number}": make(
            [entry(b"k", number, b"\2" * size), entry(b"l", files.ARRAY, array(number, values(7, size)))]
        )
        for number, size in {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}.items()
    },
    **{f"tensor type {number}": make([], [Tensor(b"a", (block.elements * 2, 3), number)]) for number, block in BLOCKS.items()},
}  # fmt: skip


class Bad(NamedTuple):
    """A file, and our code for its fault."""

    data: bytes
    code: str


def one(tensor: Tensor, *entries: bytes) -> bytes:
    return header(entries, [tensor]) + bytes(4096)


def entries(*given: bytes) -> bytes:
    return header(given) + bytes(4096)


INVALID = {
    "magic FUGG": Bad(b"FUGG" + MODEL[4:], "not-gguf"),
    "zip": Bad(b"PK\x03\x04\0\0\x08\x08" + bytes(64), "not-gguf"),
    "zeros": Bad(bytes(4096), "not-gguf"),
    "other short file": Bad(b"\x80\x02", "not-gguf"),
    "empty": Bad(b"", "header-too-short"),
    "three bytes": Bad(b"GGU", "header-too-short"),
    "23 bytes": Bad(header()[:23], "header-too-short"),
    "version 0": Bad(header(version=0), "version"),
    "version 1": Bad(header(version=1), "version"),
    "version 4": Bad(header(version=4), "version"),
    "2^64-1 tensors": Bad(header(tensor_count=2**64 - 1), "count"),
    "2^64-1 keys": Bad(header(entry_count=2**64 - 1), "count"),
    "more tensors than fit": Bad(header(tensor_count=1000), "truncated"),
    "more keys than fit": Bad(header(entry_count=1000), "truncated"),
    "key of 2^64-1 bytes": Bad(header(entry_count=1) + b"\xff" * 8 + bytes(64), "string-length"),
    "value of 2^64-1 bytes": Bad(entries(entry(b"k", files.STRING, b"\xff" * 8)), "string-length"),
    "value in an array of 2^64-1 bytes": Bad(
        entries(entry(b"k", files.ARRAY, array(files.STRING, [b"\xff" * 8]))), "string-length"
    ),
    "architecture of 2^40 bytes": Bad(
        entries(entry(b"general.architecture", files.STRING, struct.pack("<Q", 2**40))), "string-length"
    ),
    "empty key": Bad(entries(entry(b"", files.U8, b"\1")), "empty-key"),
    "duplicate key": Bad(entries(entry(b"k", files.U8, b"\1"), entry(b"k", files.U8, b"\2")), "duplicate-key"),
    "value type 13": Bad(entries(entry(b"k", 13, bytes(8))), "value-type"),
    "value type -1": Bad(entries(entry(b"k", 2**32 - 1, bytes(8))), "value-type"),
    "array of value type 13": Bad(entries(entry(b"k", files.ARRAY, array(13, []))), "value-type"),
    "array of 2^64-1": Bad(entries(entry(b"k", files.ARRAY, array(files.U8, [], 2**64 - 1))), "array-length"),
    "array beyond the end": Bad(entries(entry(b"k", files.ARRAY, array(files.U64, [], 10_000))), "truncated"),
    "alignment 13": Bad(entries(alignment_entry(13)), "alignment"),
    "alignment 0": Bad(entries(alignment_entry(0)), "alignment"),
    "alignment of another type": Bad(entries(entry(b"general.alignment", files.U64, struct.pack("<Q", 32))), "alignment"),
    "alignment in an array": Bad(
        entries(entry(b"general.alignment", files.ARRAY, array(files.U32, [b" \0\0\0"]))), "alignment"
    ),
    "name of 64 bytes": Bad(one(Tensor(b"n" * 64, (1,))), "name-length"),
    "name of 2^64-1 bytes": Bad(header(tensor_count=1) + b"\xff" * 8 + bytes(64), "string-length"),
    "five dimensions": Bad(one(Tensor(b"a", (1, 1, 1, 1, 1))), "dimensions"),
    "2^32-1 dimensions": Bad(
        header(tensor_count=1) + string(b"a") + b"\xff" * 4 + bytes(64), "dimensions"
    ),
    "negative dimension": Bad(one(Tensor(b"a", (-1,), 0, 0)), "dimension-negative"),
    "product that overflows": Bad(one(Tensor(b"a", (2**32, 2**32), 0, 0)), "shape-overflow"),
    "product that overflows before a zero": Bad(one(Tensor(b"a", (2**62, 2, 0), 0, 0)), "shape-overflow"),
    "bytes that overflow": Bad(one(Tensor(b"a", (2**61,), 0, 0)), "tensor-overflow"),
    "tensor type -1": Bad(one(Tensor(b"a", (1,), 2**32 - 1)), "tensor-type"),
    "row that no blocks fill": Bad(one(Tensor(b"a", (33,), files.Q8_0_TENSOR, 0)), "row-size"),
    "no dimensions, but blocks": Bad(one(Tensor(b"a", (), files.Q8_0_TENSOR, 0)), "row-size"),
    "duplicate tensor": Bad(make([], [Tensor(b"a", (8,)), Tensor(b"a", (8,))]), "duplicate-tensor"),
    "offset 2^64-1": Bad(one(Tensor(b"a", (1,), 0, 2**64 - 1)), "tensor-offset"),
    "hole": Bad(make([], [Tensor(b"a", (8,)), Tensor(b"b", (8,), 0, 64)]), "tensor-offset"),
    "overlap": Bad(make([], [Tensor(b"a", (8,)), Tensor(b"b", (8,), 0, 0)]), "tensor-offset"),
    "offset without padding": Bad(make([], [Tensor(b"a", (3,)), Tensor(b"b", (8,), 0, 12)]), "tensor-offset"),
    "another alignment": Bad(make([], [Tensor(b"a", (3,)), Tensor(b"b", (8,))], alignment=64), "tensor-offset"),
    "last byte missing": Bad(MODEL[: -LAST_PADDING - 1], "truncated"),
    "no data": Bad(header([], [Tensor(b"a", (8,))]), "truncated"),
    "no data, aligned": Bad(make([], [Tensor(b"a", (8,))])[:-32], "truncated"),
}  # fmt: skip


@pytest.mark.parametrize("name", VALID)
def test_what_loaders_take_is_accepted(name: str) -> None:
    data = VALID[name]
    facts = judge(data)
    assert (facts.fault, facts.undecided) == (None, None)
    assert facts.declared_bytes is not None
    assert facts.payload_offset is not None
    assert facts.payload_offset <= facts.declared_bytes <= len(data)
    assert judge(data[: facts.declared_bytes]).fault is None


@pytest.mark.parametrize("name", INVALID)
def test_what_loaders_refuse_has_a_fault(name: str) -> None:
    bad = INVALID[name]
    facts = judge(bad.data)
    assert facts.undecided is None
    assert facts.fault is not None
    assert facts.fault.code == bad.code
    assert facts.fault.detail.isprintable()
    assert len(facts.fault.detail) < 300


def test_every_code_is_tested() -> None:
    raised = {
        code
        for module in (gguf, gguf_metadata, gguf_tensors)
        for code in re.findall(r'(?:Malformed|HeaderFault)\(\s*"([a-z0-9-]+)"', getsource(module))
    }
    assert raised == {bad.code for bad in INVALID.values()}


UNKNOWN = {
    "big-endian": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
    "tensor type 9, of which loaders disagree": one(Tensor(b"a", (32,), 9, 0)),
    "tensor type that was removed": one(Tensor(b"a", (32,), 4, 0)),
    "tensor type of tomorrow": one(Tensor(b"a", (32,), 99, 0)),
    "arrays within an array": entries(entry(b"k", files.ARRAY, array(files.ARRAY, [array(files.U8, [b"\1"])]))),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_others_may_understand_is_not_accused(name: str) -> None:
    facts = judge(UNKNOWN[name])
    assert (facts.fault, facts.undecided) == (None, "unknown-to-us")
    assert facts.undecided_detail.isprintable()


class TestFilesOfVideoModels:
    """Written by gguf-py with five dimensions, which ggml itself refuses (ComfyUI-GGUF and stable-diffusion.cpp load them)."""

    patch = Tensor(b"patch_embedding.weight", (2, 2, 1, 36, 5120), files.F16_TENSOR)

    def judged(self, architecture: bytes, tensor: Tensor) -> HeaderFacts:
        return judge(make([text_entry(b"general.architecture", architecture)], [tensor]))

    def test_five_dimensions_are_sound_and_tell_the_kind(self) -> None:
        facts = self.judged(b"wan", self.patch)
        assert (facts.fault, facts.kind) == (None, ModelKind.WAN_I2V_14B)

    def test_the_kind_must_fit_the_architecture(self) -> None:
        assert self.judged(b"flux", self.patch).kind is None
        assert self.judged(b"pig", self.patch).kind is ModelKind.WAN_I2V_14B

    def test_not_six(self) -> None:
        fault = self.judged(b"wan", Tensor(b"a", (1,) * 6)).fault
        assert fault is not None
        assert fault.code == "dimensions"

    def test_long_names(self) -> None:
        assert self.judged(b"wan", Tensor(b"n" * 127, (1,))).fault is None
        assert self.judged(b"wan", Tensor(b"n" * 128, (1,))).fault is not None

    def test_a_language_model_may_not(self) -> None:
        assert self.judged(b"llama", self.patch).fault is not None

    def test_a_text_encoder(self) -> None:
        tokens = Tensor(b"token_embd.weight", (4096, 256384), files.Q4_K_TENSOR)
        before = header([text_entry(b"general.architecture", b"t5encoder")], [tokens])
        facts = judge(before, len(before) + tokens.size_bytes + 64)
        assert (facts.fault, facts.kind) == (None, ModelKind.UMT5_ENCODER)


@pytest.mark.parametrize("data", [MODEL, VALID["strings"], VALID["alignment 4096"]], ids=["sample", "strings", "alignment"])
def test_cut_at_every_boundary_it_is_truncated(data: bytes) -> None:
    whole = judge(data)
    assert whole.declared_bytes is not None
    for size in (*range(min(whole.declared_bytes, 700)), whole.declared_bytes - 1):
        facts = judge(data[:size])
        assert facts.fault is not None
        assert facts.fault.code == ("header-too-short" if size < 24 else "truncated")
        assert facts.declared_bytes in (None, whole.declared_bytes)


def test_a_cut_file_says_what_it_lost() -> None:
    facts = judge(MODEL[: -LAST_PADDING - 1])
    assert facts.declared_bytes == len(MODEL) - LAST_PADDING
    assert (facts.lost_tensors, facts.lost_tensors_total) == (("b.weight",), 1)
    assert facts.packed_header == judge(MODEL).packed_header


def test_damage_is_named() -> None:
    facts = judge(MODEL)
    assert facts.packed_header is not None
    assert facts.payload_offset is not None
    plain = zlib.decompress(facts.packed_header)
    base = facts.payload_offset

    def touched(offset: int, length: int) -> tuple[tuple[str, ...], bool]:
        answer = gguf.touched(plain, [ByteRange(offset, length)])
        assert answer.total == len(answer.names)
        return answer.names, answer.in_header

    assert touched(0, 1) == ((), True)
    assert touched(base, 1) == (("a.weight",), False)
    assert touched(base + 203, 1) == (("a.weight",), False)
    assert touched(base + 204, 20) == ((), False)  # padding
    assert touched(base + 203, 22) == (("a.weight", "a.bias"), False)
    assert touched(0, 1 << 40) == (("a.weight", "a.bias", "b.weight"), True)
    assert gguf.touched(b"nonsense", [ByteRange(0, 1)]).names == ()


def test_impostors_come_first() -> None:
    facts = judge(b"<!doctype html>")
    assert (facts.format, facts.impostor) == ("gguf", Impostor.HTML)


def test_a_file_that_shrinks_meanwhile_is_nobodys_fault() -> None:
    class Shrinking(ShrinkingWindow):
        def read(self, offset: int, length: int) -> bytes:
            return MODEL[:8] if length <= 8 else b""

    with pytest.raises(OSError, match="became shorter"):
        gguf.judge(Shrinking(MODEL))


HUGE = 57_000_000_000
HOSTILE = {
    "two million strings": (
        entries(entry(b"k", files.ARRAY, array(files.STRING, [], 2_000_000))) + bytes(16_000_000), None
    ),
    "a billion strings": (header([entry(b"k", files.ARRAY, array(files.STRING, [], 1 << 30))]), HUGE),
    "200,000 keys": (header([entry(b"%06d" % number, files.U8, b"\0") for number in range(200_000)]), None),
    "200,000 tensors": (header([], [Tensor(b"%06d" % number, (1,)) for number in range(200_000)]), HUGE),
    "400,000 tensors": (header(tensor_count=400_000), HUGE),
    "2^40 keys": (header(entry_count=2**31), HUGE),
    "a key of a gigabyte": (header(entry_count=1) + struct.pack("<Q", 1 << 30), HUGE),
    "an array of a gigabyte": (header([entry(b"k", files.ARRAY, array(files.U8, [], 1 << 30))]), HUGE),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers_cost_little(name: str) -> None:
    data, size_bytes = HOSTILE[name]
    window = BytesWindow(data, size_bytes)
    begin = time.process_time()
    facts = gguf.judge(window)
    assert time.process_time() - begin < 2.0
    assert window.bytes_read <= (16 << 20) + 8192
    assert facts.fault is None


def test_too_much_is_left_undecided() -> None:
    for name in ("a billion strings", "400,000 tensors", "2^40 keys", "a key of a gigabyte"):
        data, size_bytes = HOSTILE[name]
        assert judge(data, size_bytes).undecided == "header-too-large-to-judge"


def test_a_large_table_is_judged_but_not_kept() -> None:
    facts = judge(make([], [Tensor(b"%060d" % number, (1,)) for number in range(60_000)]))
    assert (facts.fault, facts.tensor_count, facts.packed_header) == (None, 60_000, None)
