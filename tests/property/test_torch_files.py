"""Any archive and any old file of torch is accepted as it was written; anything made of them is judged, never tripped over."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.torch_files import RECORDS, archive, legacy, mixed_archive, streamed_archive, torch_archive
from tests.fakes.windows import BytesWindow
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.formats import torch, torch_legacy, torch_zip
from wan_healthd.formats.window import MAX_READ_BYTES

Writer = Callable[[dict[str, bytes]], bytes]
NAMES = st.text(st.characters(exclude_characters="\0/\\", exclude_categories=["Cs"]), min_size=1, max_size=12)
RECORD_SETS = st.dictionaries(NAMES.map("a/data/{}".format), st.binary(max_size=300), max_size=8).map(
    lambda more: {**RECORDS, **more}
)
WRITERS = st.sampled_from(
    [archive, torch_archive, mixed_archive, streamed_archive, lambda records: archive(records, method=zipfile.ZIP_DEFLATED)]
)
KINDS = st.sampled_from([("ByteStorage", 1), ("HalfStorage", 2), ("FloatStorage", 4), ("LongStorage", 8)])
STORAGES = st.dictionaries(
    st.text("0123456789", min_size=1, max_size=14),
    KINDS.flatmap(lambda kind: st.integers(0, 40).map(lambda count: (kind[0], b"\x5a" * (count * kind[1])))),
    max_size=6,
)
SAMPLES = (torch_archive(), archive(wide=True, comment=b"c"), mixed_archive(), legacy({"1": ("FloatStorage", bytes(40))}))
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 8), st.binary(max_size=8)), min_size=1, max_size=4)


def judged(data: bytes) -> HeaderFacts:
    window = BytesWindow(data)
    facts = torch.judge(window)
    assert window.bytes_read <= MAX_READ_BYTES
    return facts


@given(records=RECORD_SETS, writer=WRITERS)
def test_what_was_written_is_accepted(records: dict[str, bytes], writer: Writer) -> None:
    data = writer(records)
    facts = judged(data)
    assert (facts.fault, facts.undecided, facts.declared_bytes) == (None, None, len(data))
    for section in facts.sections:
        stored = data[section.offset : section.offset + section.length]
        assert zlib.crc32(zlib.decompress(stored, -15) if section.is_deflated else stored) == section.crc32


@given(records=RECORD_SETS, writer=WRITERS, cut=st.floats(0, 1, exclude_max=True))
def test_what_was_cut_is_not(records: dict[str, bytes], writer: Writer, cut: float) -> None:
    data = writer(records)
    assert judged(data[: int(len(data) * cut)]).fault is not None


@given(storages=STORAGES)
def test_old_files_are_accepted(storages: dict[str, tuple[str, bytes]]) -> None:
    facts = judged(legacy(storages))
    assert (facts.format, facts.fault, facts.undecided) == (torch_legacy.FORMAT, None, None)


@given(sample=st.sampled_from(SAMPLES), edits=EDITS)
def test_whatever_becomes_of_a_file_it_is_judged(sample: bytes, edits: list[tuple[float, int, bytes]]) -> None:
    data = sample
    for place, length, patch in edits:
        at = int(place * len(data))
        data = data[:at] + patch + data[at + length :]
    facts = judged(data)
    assert facts.fault is None or facts.undecided is None
    for section in facts.sections:
        assert 0 <= section.offset <= section.offset + section.length <= len(data)


@given(packed=st.binary(max_size=200), offset=st.integers(0, 2**62), length=st.integers(0, 2**62))
def test_any_table_of_names_is_read_or_ignored(packed: bytes, offset: int, length: int) -> None:
    assert torch_zip.touched(packed, [ByteRange(offset, length)]).total >= 0


@given(
    data=st.binary(max_size=400),
    prefix=st.sampled_from([b"", b"PK\3\4", b"\x80\x02" + torch_legacy.MAGIC + b"\x80\x02M\xe9\3."]),
)
def test_anything_at_all_is_judged(data: bytes, prefix: bytes) -> None:
    judged(prefix + data)
