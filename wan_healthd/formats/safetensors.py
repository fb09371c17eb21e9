"""safetensors: an 8-byte length, a JSON table of tensors, and their bytes without gaps.

Accepts and refuses what the real loader does (safetensors 0.8, `tensor.rs`), with these exceptions, none of which a real
model meets: headers above 16 MiB, or with millions of values, stay undecided; so a length that spells a zip's magic is taken
for a zip; and offsets beyond the size of any file are a fault where the loader's own sum wraps around.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from wan_healthd.domain.evidence import HeaderFacts, HeaderFault
from wan_healthd.domain.extents import ByteRange, merge
from wan_healthd.domain.ports import TouchedTensors
from wan_healthd.formats.kinds import kind_of
from wan_healthd.formats.signatures import name_of_content
from wan_healthd.formats.strict_json import Malformed, TooMuch
from wan_healthd.formats.tensor_extents import Extents, lay_out
from wan_healthd.formats.tensor_info import TensorTable
from wan_healthd.formats.tensor_table import read_table
from wan_healthd.formats.touching import NOTHING_TOUCHED, TensorMap, touched_of
from wan_healthd.formats.window import MAX_FILE_BYTES

FORMAT = "safetensors"
LENGTH_BYTES = 8
LOADER_MAX_HEADER_BYTES = 100_000_000
"""The loader refuses longer headers."""
MAX_HEADER_BYTES = 16 << 20
"""We judge up to this; real headers have some hundred KiB."""
MAX_PACKED_HEADER_BYTES = 4 << 20
"""Packed as fast as zlib can: names repeat so much that its best takes four times as long for the same eleventh."""

_TOO_LARGE = "header-too-large-to-judge"


def judge_length(prefix: bytes, size_bytes: int) -> int | HeaderFacts:
    """The header's length in bytes, or the judgement where the length alone decides.

    Args:
        prefix: the first `LENGTH_BYTES` bytes of the file, or all of a shorter file.
        size_bytes: the file's size.
    """
    if len(prefix) < LENGTH_BYTES:
        return _faulty(
            "header-too-short", f"the file has {size_bytes} bytes, fewer than the {LENGTH_BYTES} of a header's length"
        )
    length = int.from_bytes(prefix[:LENGTH_BYTES], "little")
    content = name_of_content(prefix) if length > MAX_HEADER_BYTES else None
    if content is not None:
        return _faulty("not-safetensors", f"the file begins like {content}")
    if length > LOADER_MAX_HEADER_BYTES:
        return _faulty("header-length", f"a header of {length} bytes is longer than loaders allow ({LOADER_MAX_HEADER_BYTES})")
    payload_offset = LENGTH_BYTES + length
    if payload_offset > size_bytes:
        detail = f"the file ends inside its header: at least {payload_offset - size_bytes} bytes are missing"
        return _faulty("truncated", detail, payload_offset=payload_offset)
    if length > MAX_HEADER_BYTES:
        return HeaderFacts(format=FORMAT, payload_offset=payload_offset, undecided=_TOO_LARGE)
    return length


def judge(header: bytes, size_bytes: int) -> HeaderFacts:
    """What the header says, and whether the file can be what it says.

    Args:
        header: the JSON bytes, without the length before them.
        size_bytes: the file's size.
    """
    payload_offset = LENGTH_BYTES + len(header)
    if len(header) > MAX_HEADER_BYTES:
        return HeaderFacts(format=FORMAT, payload_offset=payload_offset, undecided=_TOO_LARGE)
    try:
        table, extents = _read_extents(header)
    except Malformed as fault:
        return _faulty(fault.code, fault.detail, payload_offset=payload_offset)
    except TooMuch:
        return HeaderFacts(format=FORMAT, payload_offset=payload_offset, undecided=_TOO_LARGE)
    declared_bytes = payload_offset + extents.payload_bytes
    lost = _touched(extents, payload_offset, [ByteRange(size_bytes, declared_bytes - size_bytes)])
    return HeaderFacts(
        format=FORMAT,
        fault=_size_fault(declared_bytes, size_bytes),
        declared_bytes=declared_bytes,
        payload_offset=payload_offset,
        tensor_count=len(extents.names),
        kind=kind_of({name: info.shape for name, info in table.items()}),
        packed_header=zlib.compress(header, zlib.Z_BEST_SPEED) if len(header) <= MAX_PACKED_HEADER_BYTES else None,
        lost_tensors=lost.names,
        lost_tensors_total=lost.total,
    )


def tensors_touched(header: bytes, ranges: Sequence[ByteRange]) -> TouchedTensors:
    """Which tensors hold bytes of the given ranges of the file.

    Args:
        header: JSON bytes that `judge` found valid, or only at odds with the file's size; for others the answer is empty.
        ranges: byte ranges of the file, in any order.

    Returns:
        See `touching.touched_of`.
    """
    try:
        _, extents = _read_extents(header)
    except (Malformed, TooMuch):
        return NOTHING_TOUCHED
    return _touched(extents, LENGTH_BYTES + len(header), ranges)


def _touched(extents: Extents, payload_offset: int, ranges: Sequence[ByteRange]) -> TouchedTensors:
    damaged = merge(ranges)
    if not damaged:
        return NOTHING_TOUCHED
    tensors = TensorMap(
        payload_offset=payload_offset,
        names=extents.names,
        begins=[payload_offset + begin for begin in extents.begins],
        ends=[payload_offset + end for end in extents.ends],
    )
    return touched_of(tensors, damaged)


def tensor_names(header: bytes) -> frozenset[str]:
    """The names of all tensors.

    Args:
        header: JSON bytes that `judge` found valid, or only at odds with the file's size; for others the answer is empty.
    """
    try:
        _, extents = _read_extents(header)
    except (Malformed, TooMuch):
        return frozenset()
    return frozenset(extents.names)


def _read_extents(header: bytes) -> tuple[TensorTable, Extents]:
    table = read_table(header)
    extents = lay_out(table)
    if extents.payload_bytes > MAX_FILE_BYTES - LENGTH_BYTES - len(header):
        raise Malformed("offsets-overflow", f"the tensors end at byte {extents.payload_bytes}, beyond the end of any file")
    return table, extents


def _size_fault(declared_bytes: int, size_bytes: int) -> HeaderFault | None:
    if size_bytes < declared_bytes:
        missing = declared_bytes - size_bytes
        return HeaderFault("truncated", f"{missing} of {declared_bytes} bytes are missing")
    if size_bytes > declared_bytes:
        extra = size_bytes - declared_bytes
        return HeaderFault("trailing-bytes", f"{extra} bytes stand behind the last tensor, which ends at byte {declared_bytes}")
    return None


def _faulty(code: str, detail: str, payload_offset: int | None = None) -> HeaderFacts:
    return HeaderFacts(format=FORMAT, fault=HeaderFault(code, detail), payload_offset=payload_offset)
