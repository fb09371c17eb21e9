"""What each parser promises of any bytes, as functions that raise AssertionError where one breaks its promise.

The same functions serve the fuzzer and the replay of what it found. Seeds come from the makers of sound files in `tests.fakes`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from tests.fakes.safetensors_files import pack
from tests.fakes.windows import BytesWindow
from wan_healthd.digest.parsers import PARSERS
from wan_healthd.digest.protocol import MAX_PAYLOAD_BYTES
from wan_healthd.domain.evidence import Claim, HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.formats import gguf, impostors, json_text, safetensors
from wan_healthd.formats.touching import MAX_NAME_CHARS, MAX_NAMES
from wan_healthd.formats.window import MAX_FILE_BYTES
from wan_healthd.provenance.hf_tree import HfTree
from wan_healthd.provenance.local_dir import FOLDER, SUFFIX, DownloadMetadata
from wan_healthd.provenance.manifest import Manifest
from wan_healthd.provenance.sentinels import refusal
from wan_healthd.provenance.sidecar import Sidecar, Sums
from wan_healthd.provenance.sources import MAX_CLAIMS, SourceFile, SourceKind, Subject, Told
from wan_healthd.provenance.telling import Statements, parse, told

Target = Callable[[bytes], None]

MAX_CPU_S = 2.0
"""For one input, the fuzzer's own counting included."""
MAX_LINE_CHARS = 1500
MAX_NAME_BYTES = 255
"""Of a file; shown with escapes it is a thousand characters."""
MAX_BYTES_READ = 3 * json_text.MAX_JSON_BYTES

_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_STEADY = {safetensors.FORMAT, gguf.FORMAT}
"""Formats whose header alone says how large the file is, so that a file cut behind it is whole with zeros in its place."""
_SUBJECT = Subject(b"/m/a/x.bin", size_bytes=5, mtime_ns=10**18)


class StrictWindow(BytesWindow):
    """A window that takes only what a descriptor takes: a larger offset would be an error that no parser expects."""

    def read(self, offset: int, length: int) -> bytes:
        assert 0 <= offset <= MAX_FILE_BYTES
        assert 0 <= length <= MAX_BYTES_READ
        assert self.bytes_read + length <= MAX_BYTES_READ
        return super().read(offset, length)


def bounded(check: Target) -> Target:
    """The same check, and an assertion on the time that it takes."""

    def timed(data: bytes) -> None:
        start = time.thread_time()
        check(data)
        elapsed_s = time.thread_time() - start
        assert elapsed_s <= MAX_CPU_S, f"{elapsed_s:.1f} s for {len(data)} bytes"

    return timed


def judge_file(format_name: str, data: bytes) -> None:
    """The bytes as a file of the format; where it is found cut, also as one that goes on with a hole to its stated end."""
    facts = _judge(format_name, data, len(data))
    if facts.declared_bytes is not None and len(data) < facts.declared_bytes <= MAX_FILE_BYTES:
        padded = _judge(format_name, data, facts.declared_bytes)
        assert format_name not in _STEADY or padded.fault is None


def judge_header(data: bytes) -> None:
    """The bytes as the header of a safetensors file, whose length thus always fits."""
    judge_file(safetensors.FORMAT, pack(data))


def recognise(data: bytes) -> None:
    """The bytes as a file that may be an impostor."""
    found = impostors.recognise(data[: impostors.HEAD_BYTES], len(data))
    if found is not None:
        _check_facts("any", impostors.facts_of("any", data[: impostors.HEAD_BYTES], found))


def ask_source(kind: SourceKind, data: bytes) -> None:
    """The bytes as a file that makes claims about others, for a file that it may know and for some that it names."""
    probe = _source(kind, b"a/x.bin")
    statements = parse(probe, data)
    _check_told(told(probe, statements, _SUBJECT))
    if not isinstance(statements, HfTree | DownloadMetadata | Sidecar | Sums | Manifest):
        return
    for name in _names(statements):
        subject = Subject(b"/m/" + name, size_bytes=0)
        _check_told(told(_source(kind, name), statements, subject))


def _judge(format_name: str, data: bytes, size_bytes: int) -> HeaderFacts:
    parser = PARSERS[format_name]
    window = StrictWindow(data, size_bytes)
    facts = parser.judge(window)  # type: ignore[arg-type] # parsers take what reads, and name the one class that does
    _check_facts(format_name, facts)
    if facts.packed_header is not None:
        _check_locating(facts.format, facts, facts.packed_header, size_bytes)  # "torch" finds out which of its kinds it is
    return facts


def _check_facts(format_name: str, facts: HeaderFacts) -> None:
    assert facts.format == format_name or (format_name == "torch" and facts.format in PARSERS)
    assert facts.fault is None or facts.undecided is None
    if facts.fault is not None:
        assert _CODE.fullmatch(facts.fault.code)
        _check_line(facts.fault.detail)
    if facts.undecided is not None:
        assert _CODE.fullmatch(facts.undecided)
        _check_line(facts.undecided_detail)
    numbers = (facts.declared_bytes, facts.payload_offset, facts.tensor_count, facts.lost_tensors_total)
    assert all(0 <= number <= MAX_FILE_BYTES for number in numbers if number is not None)
    assert all(0 <= section.offset <= section.offset + section.length <= MAX_FILE_BYTES for section in facts.sections)
    assert len(facts.lost_tensors) <= facts.lost_tensors_total
    assert len(msgspec.msgpack.encode(facts)) <= MAX_PAYLOAD_BYTES


def _check_line(text: str) -> None:
    assert text.isprintable(), repr(text)
    assert len(text) <= MAX_LINE_CHARS


def _check_locating(format_name: str, facts: HeaderFacts, packed: bytes, size_bytes: int) -> None:
    """Whatever is damaged, the kept header names what it touches."""
    whole, payload = max(size_bytes, facts.declared_bytes or 0), facts.payload_offset or 1
    places = (0, payload - 1, payload, size_bytes // 2, size_bytes, whole, MAX_FILE_BYTES)
    ranges = [ByteRange(place, length) for place in places for length in (-1, 0, 1, 4096, whole)]
    for damaged in (*([item] for item in ranges), ranges, ranges[::-1], []):
        touched = PARSERS[format_name].locate(packed, damaged)
        assert len(touched.names) <= min(touched.total, MAX_NAMES)
        assert all(len(name) <= MAX_NAME_CHARS for name in touched.names)
    lost = PARSERS[format_name].locate(packed, [ByteRange(size_bytes, whole - size_bytes)])
    assert (lost.names, lost.total) == (facts.lost_tensors, facts.lost_tensors_total)


def _source(kind: SourceKind, name: bytes) -> SourceFile:
    path = b"/m/" + FOLDER + b"/download/" + name + SUFFIX if kind is SourceKind.DOWNLOAD_METADATA else b"/m/a/source"
    return SourceFile(kind, path, b"/m", (name,))


def _names(statements: Statements) -> list[bytes]:
    """Some of the files that the source speaks of, whose names are such as file systems allow."""
    match statements:
        case HfTree():
            names = list(statements.files)
        case Sums():
            names = list(statements.by_name)
        case Manifest():
            names = list(statements.entries)
        case Sidecar():
            names = [line.name for line in statements.lines if line.name is not None]
        case DownloadMetadata():
            names = []
    return [name for name in names if len(name) <= MAX_NAME_BYTES][:3]


def _check_told(answer: Told) -> None:
    assert len(answer.claims) + len(answer.outdated) <= MAX_CLAIMS
    for claim in (*answer.claims, *answer.outdated):
        _check_claim(claim)
    for finding in answer.findings:
        assert finding.is_advice
        _check_line(finding.message)
        _check_line(finding.suggestion)
    for further in answer.further:
        assert further.path.startswith(further.root + b"/")
        assert b"/../" not in further.path


def _check_claim(claim: Claim) -> None:
    _check_line(claim.authority)
    digests = [digest for digest in (claim.sha256, claim.git_sha1) if digest is not None]
    assert all(refusal(digest, claim.size_bytes) is None for digest in digests)
    assert claim.size_bytes is None or 0 <= claim.size_bytes <= MAX_FILE_BYTES
    assert digests or claim.size_bytes is not None


TARGETS: Mapping[str, Target] = {
    **{name: bounded(partial(judge_file, name)) for name in PARSERS},
    "safetensors-header": bounded(judge_header),
    "impostors": bounded(recognise),
    **{kind.value: bounded(partial(ask_source, kind)) for kind in SourceKind},
}
"""One for each parser."""
