"""GGUF, versions 2 and 3: counts, keys with values, descriptions of the tensors, and their bytes, aligned.

Accepts and refuses what ggml does (gguf.cpp), except where `gguf_tensors` says why not. The bytes that pad the last tensor may
be absent, and bytes behind it are no fault: loaders mind neither.
"""

from __future__ import annotations

from collections.abc import Sequence

from wan_healthd.domain.evidence import HeaderFacts, HeaderFault, ModelKind
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import TouchedTensors
from wan_healthd.formats.cursor import Cursor, OverBudget, Short
from wan_healthd.formats.gguf_metadata import FIXED_BYTES, Metadata, Unknown, read_metadata
from wan_healthd.formats.gguf_tensors import TensorRow, data_offset, lay_out, read_tensors
from wan_healthd.formats.impostors import judge_weights
from wan_healthd.formats.kinds import kind_of
from wan_healthd.formats.signatures import name_of_content
from wan_healthd.formats.strict_json import Malformed, TooMuch
from wan_healthd.formats.touching import pack_map, touched_in_map, touched_of
from wan_healthd.formats.window import Window

FORMAT = "gguf"
MAGIC = b"GGUF"
PREFIX_BYTES = 8

_ARCHITECTURES = {
    ModelKind.UMT5_ENCODER: frozenset({"t5", "t5encoder"}),
    ModelKind.WAN_I2V_14B: frozenset({"wan"}),
    ModelKind.WAN_T2V_14B: frozenset({"wan"}),
    ModelKind.WAN_TI2V_5B: frozenset({"wan"}),
}
_UNSTATED = frozenset({None, "pig", "cow"})
"""What some converters write instead of an architecture."""


def judge(window: Window) -> HeaderFacts:
    """What the header says, and whether the file can be what it says."""
    impostor = judge_weights(FORMAT, window)
    if impostor is not None:
        return impostor
    other = _other_content(window.read(0, PREFIX_BYTES))
    return _judge_gguf(window) if other is None else HeaderFacts(format=FORMAT, fault=other)


def touched(packed: bytes, ranges: Sequence[ByteRange]) -> TouchedTensors:
    """Which tensors the ranges of the file touch; `packed` is the unpacked `packed_header`."""
    return touched_in_map(packed, ranges)


def _judge_gguf(window: Window) -> HeaderFacts:
    cursor = Cursor(window)
    try:
        return _judge_header(cursor)
    except Malformed as fault:
        return HeaderFacts(format=FORMAT, fault=HeaderFault(fault.code, fault.detail))
    except Short as short:
        return _cut(window.size_bytes, short)
    except Unknown as unknown:
        return HeaderFacts(format=FORMAT, undecided="unknown-to-us", undecided_detail=str(unknown))
    except (OverBudget, TooMuch):
        return HeaderFacts(
            format=FORMAT,
            undecided="header-too-large-to-judge",
            undecided_detail="the header is longer than is read of one file",
        )


def _judge_header(cursor: Cursor) -> HeaderFacts:
    metadata = read_metadata(cursor)
    rows = read_tensors(cursor, metadata)
    tensors = lay_out(rows, data_offset(cursor.offset, metadata), metadata.alignment)
    declared_bytes = tensors.ends[-1] if rows else tensors.payload_offset
    lost = touched_of(tensors, [ByteRange(cursor.size_bytes, declared_bytes - cursor.size_bytes)])
    return HeaderFacts(
        format=FORMAT,
        fault=_size_fault(declared_bytes, cursor.size_bytes),
        declared_bytes=declared_bytes,
        payload_offset=tensors.payload_offset,
        tensor_count=len(rows),
        kind=_kind(metadata, rows),
        packed_header=pack_map(tensors),
        lost_tensors=lost.names,
        lost_tensors_total=lost.total,
    )


def _kind(metadata: Metadata, rows: Sequence[TensorRow]) -> ModelKind | None:
    kind = kind_of({row.name: row.shape for row in rows})
    if kind is None or metadata.architecture in _UNSTATED | _ARCHITECTURES.get(kind, _UNSTATED):
        return kind
    return None


def _size_fault(declared_bytes: int, size_bytes: int) -> HeaderFault | None:
    if size_bytes >= declared_bytes:
        return None
    return HeaderFault("truncated", f"{declared_bytes - size_bytes} of {declared_bytes} bytes are missing")


def _cut(size_bytes: int, short: Short) -> HeaderFacts:
    if size_bytes < FIXED_BYTES:
        what = f"the file has {size_bytes} bytes, fewer than the {FIXED_BYTES} that every GGUF file begins with"
        return HeaderFacts(format=FORMAT, fault=HeaderFault("header-too-short", what))
    detail = f"the file ends inside its header: at least {short.missing_bytes} bytes are missing"
    return HeaderFacts(format=FORMAT, fault=HeaderFault("truncated", detail))


def _other_content(prefix: bytes) -> HeaderFault | None:
    """The fault where the first bytes are not those of a GGUF file, however short it is."""
    if MAGIC.startswith(prefix[: len(MAGIC)]):
        return None
    name = name_of_content(prefix) if len(prefix) == PREFIX_BYTES else None
    return HeaderFault("not-gguf", f"the file begins like {name}" if name else "the file does not begin with GGUF")
