"""ONNX and SentencePiece: recognised, cut, or not known to us; nothing else can be said."""

from __future__ import annotations

import pytest

from tests.fakes.windows import BytesWindow
from wan_healthd.domain.evidence import HeaderFacts, Impostor
from wan_healthd.formats import onnx, sentencepiece
from wan_healthd.formats.protobuf import MAX_FIELDS


def varint(value: int) -> bytes:
    head = bytes([value & 0x7F | (0x80 if value > 0x7F else 0)])
    return head + varint(value >> 7) if value > 0x7F else head


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


PIECES = b"".join(field(1, field(1, b"piece %d" % index) + b"\x15\0\0\0\0") for index in range(3))
VOCABULARY = PIECES + field(2, b"trainer" * 40) + field(3, b"normalizer")
MODEL = b"\x08\x08" + field(2, b"pytorch") + b"\x28\x01" + field(7, b"graph" * 100) + field(8, b"\x10\x0f")


@pytest.mark.parametrize(("judge", "content"), [(onnx.judge, MODEL), (sentencepiece.judge, VOCABULARY)])
class TestBoth:
    def test_whole_files_are_sound(self, judge: object, content: bytes) -> None:
        assert callable(judge)
        facts: HeaderFacts = judge(BytesWindow(content))
        assert (facts.fault, facts.undecided) == (None, None)

    def test_cut_files_are_never_called_more_than_truncated(self, judge: object, content: bytes) -> None:
        assert callable(judge)
        codes = set()
        for size in range(2, len(content)):
            facts: HeaderFacts = judge(BytesWindow(content[:size]))
            codes.add(facts.fault.code if facts.fault else facts.undecided)
            if facts.fault is not None:
                assert facts.declared_bytes is not None
                assert size < facts.declared_bytes <= len(content)
        assert codes <= {None, "truncated", "unknown-to-us"}
        assert "truncated" in codes

    def test_strange_bytes_are_not_accused(self, judge: object, content: bytes) -> None:
        assert callable(judge)
        for strange in (
            b"",
            bytes(64),
            b"\xff" * 64,
            content + b"\0\0",
            content + b"\xf8\x07\x01",
            content[:40] + b"\x0b" + content[40:],
        ):
            facts: HeaderFacts = judge(BytesWindow(strange))
            assert facts.fault is None or facts.fault.code == "truncated"

    def test_impostors(self, judge: object, content: bytes) -> None:
        assert callable(judge)
        facts: HeaderFacts = judge(BytesWindow(b"Entry not found"))
        assert facts.impostor is Impostor.TEXT
        assert content


UNKNOWN = {
    "empty": b"",
    "another first field": field(7, b"graph"),
    "version of no model": b"\x08\x00" + field(7, b""),
    "wrong wire type": b"\x08\x08\x3d\0\0\0\0",
    "unknown field": b"\x08\x08\x48\x01",
    "number of eleven bytes": b"\x08" + b"\xff" * 10 + b"\x01",
    "tag of eleven bytes": b"\x08\x08" + b"\xff" * 10 + b"\x01",
    "only a tag": b"\x08",
    "length that no file has": b"\x08\x08" + varint(7 << 3 | 2) + varint(2**63 - 1),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_understood_is_left_undecided(name: str) -> None:
    facts = onnx.judge(BytesWindow(UNKNOWN[name]))
    assert (facts.fault, facts.undecided) == (None, "unknown-to-us")
    assert facts.undecided_detail


def test_a_graph_of_many_gigabytes_is_not_read() -> None:
    start = b"\x08\x08" + varint(7 << 3 | 2) + varint(3_000_000_000)
    window = BytesWindow(start, size_bytes=len(start) + 3_000_000_000)
    assert onnx.judge(window).fault is None
    assert window.bytes_read < 1 << 20
    cut = onnx.judge(BytesWindow(start, size_bytes=2_000_000_000))
    assert cut.fault is not None
    assert cut.declared_bytes == len(start) + 3_000_000_000


def test_more_fields_than_are_read() -> None:
    facts = sentencepiece.judge(BytesWindow(field(1, b"\x0a\x00") * (MAX_FIELDS + 1)))
    assert (facts.fault, facts.undecided) == (None, "header-too-large-to-judge")
