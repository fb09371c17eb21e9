"""Generated and mutated headers: our word and the real loader's are the same."""

from __future__ import annotations

import json
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.real_loader import refusal
from tests.fakes.safetensors_files import make, pack
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.formats import safetensors
from wan_healthd.formats.dtypes import ELEMENT_BITS

Tensors = dict[str, tuple[str, tuple[int, ...], bytes]]

unhurried = settings(deadline=None)  # the machine is shared

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(lambda name: name != "__metadata__")


@st.composite
def tensors(draw: st.DrawFn, named: st.SearchStrategy[str] = names) -> Tensors:
    found: Tensors = {}
    for name in draw(st.lists(named, max_size=6, unique=True)):
        dtype = draw(st.sampled_from(sorted(ELEMENT_BITS)))
        shape = tuple(draw(st.lists(st.integers(0, 5), max_size=3)))
        bits = math.prod(shape) * ELEMENT_BITS[dtype]
        if bits % 8:
            shape = (*shape, 4)
            bits *= 4
        found[name] = (dtype, shape, bytes(bits // 8))
    return found


files = st.builds(make, tensors(), st.none() | st.dictionaries(names, st.text(st.characters(exclude_categories=["Cs"]))))

FRAGMENTS = (
    rb"-0", rb"1.0", rb"1e0", rb"1e400", rb"18446744073709551616", rb"18446744073709551615", rb"null", rb"true", rb"[", rb"]",
    rb"{", rb"}", rb",", rb":", rb'"', b"\\", rb"\u0061", rb"\ud800", rb"\udc00", rb"\u+123", rb'"dtype"', rb'"shape"',
    rb'"data_offsets"', rb'"__metadata__"', rb'"F32"', rb'{"F32":null}', rb'["F32",[1],[0,4]]', rb'"x":[[]],',
    rb'"dtype":"U8",', rb'"__metadata__":{},', rb'"__metadata__":null,', b"\0", b"\x0c", b"\n", b"\xff", b"\xed\xa0\x80",
    b"\x7f", rb"01", rb"0", rb"4",
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid header, changed in one to three places where its grammar is."""
    data = draw(files)
    length = int.from_bytes(data[:8], "little")
    header, payload = data[8 : 8 + length], data[8 + length :]
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(header)))
        removed = draw(st.integers(0, 6))
        header = header[:at] + draw(st.sampled_from(FRAGMENTS) | st.just(b"")) + header[at + removed :]
    return pack(header, payload)


json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def facts_of(data: bytes) -> HeaderFacts:
    length = safetensors.judge_length(data[:8], len(data))
    return length if isinstance(length, HeaderFacts) else safetensors.judge(data[8 : 8 + length], len(data))


def agrees(data: bytes) -> None:
    theirs = refusal(data)
    ours = facts_of(data)
    assert ours.undecided is None
    assert (ours.fault is None) == (theirs is None), (ours, theirs)


@unhurried
@given(files)
def test_valid_files_are_accepted(data: bytes) -> None:
    assert refusal(data) is None
    assert facts_of(data).declared_bytes == len(data)


@settings(unhurried, max_examples=600)
@given(mutated())
def test_mutated_headers_are_judged_as_the_loader_judges(data: bytes) -> None:
    agrees(data)


@unhurried
@given(files, st.data())
def test_cut_files_are_judged_as_the_loader_judges(data: bytes, choice: st.DataObject) -> None:
    agrees(data[: choice.draw(st.integers(0, len(data)))])


@unhurried
@given(st.binary(max_size=60))
def test_any_bytes_as_a_header(header: bytes) -> None:
    agrees(pack(header))


@unhurried
@given(json_texts, st.booleans())
def test_any_json_in_the_place_of_each_part(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    one = b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
    for part in (b'"U8"', b"[1]", b"[0,1]", one[5:-1]):
        agrees(pack(one.replace(part, text), b"\0"))
    agrees(pack(one.replace(b'"dtype"', b'"x":' + text + b',"dtype"'), b"\0"))
    agrees(pack(b'{"__metadata__":' + text + b"," + one[1:], b"\0"))


@unhurried
@given(
    tensors(),
    st.lists(st.builds(ByteRange, st.integers(0, 900), st.integers(0, 120)), max_size=8),
)
def test_tensors_touched_against_brute_force(table: Tensors, ranges: list[ByteRange]) -> None:
    data = make(table)
    payload_offset = 8 + int.from_bytes(data[:8], "little")
    damaged = {byte for item in ranges for byte in range(item.offset, item.end)}
    expected = []
    at = payload_offset
    for name, (_, _, content) in table.items():
        if damaged & set(range(at, at + len(content))):
            expected.append(name)
        at += len(content)
    answer = safetensors.tensors_touched(data[8:payload_offset], ranges)
    assert answer.names == tuple(expected)
    assert answer.total == len(expected)
    assert answer.in_header == any(byte < payload_offset for byte in damaged)
