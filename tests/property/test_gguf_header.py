"""Generated and mutated GGUF headers: never an exception, always one of three verdicts, and a table that is true."""

from __future__ import annotations

import struct
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import gguf_files as files
from tests.fakes.gguf_files import Tensor, alignment_entry, array, entry, make, string, text_entry
from tests.fakes.windows import BytesWindow
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.formats import gguf
from wan_healthd.formats.ggml_types import BLOCKS

unhurried = settings(deadline=None)  # the machine is shared

keys = st.binary(min_size=1, max_size=8).map(lambda key: b"k." + key)
encoded = st.one_of(
    st.binary(max_size=20).map(lambda text: (files.STRING, string(text))),
    st.binary(min_size=4, max_size=4).map(lambda number: (files.U32, number)),
    st.lists(st.binary(max_size=5)).map(lambda texts: (files.ARRAY, array(files.STRING, [string(text) for text in texts]))),
    st.lists(st.binary(min_size=8, max_size=8)).map(lambda numbers: (files.ARRAY, array(files.F64, numbers))),
)


names = st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=9)


@st.composite
def tensors(draw: st.DrawFn) -> list[Tensor]:
    found = []
    for name in draw(
        st.lists(st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=9), max_size=5, unique=True)
    ):
        element_type = draw(st.sampled_from(sorted(BLOCKS)))
        blocks = draw(st.integers(0, 3))
        rest = draw(st.lists(st.integers(0, 3), max_size=3))
        found.append(Tensor(name.encode(), (blocks * BLOCKS[element_type].elements, *rest), element_type))
    return found


@st.composite
def gguf_files(draw: st.DrawFn) -> tuple[bytes, list[Tensor]]:
    alignment = draw(st.sampled_from([1, 8, 32, 256]))
    named = draw(st.dictionaries(keys, encoded, max_size=4))
    entries = [entry(key, value_type, value) for key, (value_type, value) in named.items()]
    rows = draw(tensors())
    if alignment != 32 or draw(st.booleans()):
        entries.insert(draw(st.integers(0, len(entries))), alignment_entry(alignment))
    return make(entries, rows, alignment=alignment, padded=draw(st.booleans())), rows


def judge(data: bytes) -> HeaderFacts:
    return gguf.judge(BytesWindow(data))


@unhurried
@given(gguf_files())
def test_valid_files_are_accepted_and_their_tensors_found(made: tuple[bytes, list[Tensor]]) -> None:
    data, rows = made
    facts = judge(data)
    assert (facts.fault, facts.undecided, facts.tensor_count) == (None, None, len(rows))
    assert facts.packed_header is not None
    assert facts.payload_offset is not None
    everything = ByteRange(facts.payload_offset, len(data))
    touched = gguf.touched(zlib.decompress(facts.packed_header), [everything])
    assert list(touched.names) == [row.name.decode() for row in rows if row.size_bytes]


@unhurried
@given(gguf_files(), st.data())
def test_cut_files_are_never_accepted(made: tuple[bytes, list[Tensor]], choice: st.DataObject) -> None:
    data, _ = made
    declared = judge(data).declared_bytes
    assert declared is not None
    fault = judge(data[: choice.draw(st.integers(0, declared - 1))]).fault
    assert fault is not None
    assert fault.code in ("truncated", "header-too-short")


@settings(unhurried, max_examples=600)
@given(gguf_files(), st.data())
def test_mutated_files_get_one_verdict(made: tuple[bytes, list[Tensor]], choice: st.DataObject) -> None:
    data = bytearray(made[0])
    for _ in range(choice.draw(st.integers(1, 3))):
        at = choice.draw(st.integers(0, len(data)))
        removed = choice.draw(st.integers(0, 9))
        number = choice.draw(st.sampled_from([0, 1, 5, 13, 2**31, 2**32 - 1, 2**63, 2**64 - 1]))
        data[at : at + removed] = choice.draw(st.sampled_from([b"", b"\0", struct.pack("<Q", number)]))
    facts = judge(bytes(data))
    assert facts.fault is None or facts.undecided is None
    if facts.fault is None and facts.undecided is None:
        assert facts.declared_bytes is not None
        assert facts.declared_bytes <= len(data)


@unhurried
@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    for data in (content, b"GGUF" + content, b"GGUF\3\0\0\0" + content, make([text_entry(b"k", content)])):
        judge(data)
