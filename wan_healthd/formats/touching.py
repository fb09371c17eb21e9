"""Which tensors a damaged range touches: the same for every format that knows where its tensors lie."""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import msgspec

from wan_healthd.domain.evidence import Section
from wan_healthd.domain.extents import ByteRange, merge
from wan_healthd.domain.ports import TouchedTensors

MAX_NAMES = 200
MAX_NAME_CHARS = 512
MAX_PACKED_BYTES = 4 << 20
"""Larger tables are not kept: an answer of the worker has a bound."""
NOTHING_TOUCHED = TouchedTensors(names=(), total=0, in_header=False)


class TensorMap(msgspec.Struct, frozen=True):
    """Where each tensor lies in the file, in the order of the file and without overlaps.

    `begins` and `ends` are bytes from the start of the file; all before `payload_offset` is header.
    """

    payload_offset: int
    names: list[str]
    begins: list[int]
    ends: list[int]


_DECODER = msgspec.msgpack.Decoder(TensorMap)


def touched_of(tensors: TensorMap, ranges: Sequence[ByteRange]) -> TouchedTensors:
    """Which tensors hold bytes of the given ranges of the file.

    Returns:
        Names in file order, at most `MAX_NAMES` of them, each cut to `MAX_NAME_CHARS`.
    """
    damaged = merge(ranges)
    if not damaged:
        return NOTHING_TOUCHED
    tensors = _without_empty(tensors)
    names: list[str] = []
    total = 0
    counted = 0
    for item in damaged:
        first = max(counted, bisect_right(tensors.ends, item.offset))
        counted = max(first, bisect_left(tensors.begins, item.end))
        total += counted - first
        names += tensors.names[first : min(counted, first + MAX_NAMES - len(names))]
    return TouchedTensors(
        names=tuple(name[:MAX_NAME_CHARS] for name in names),
        total=total,
        in_header=damaged[0].offset < tensors.payload_offset,
    )


def narrowed(touched: TouchedTensors, bad: Sequence[Section], ranges: Sequence[ByteRange]) -> TouchedTensors:
    """What of the touched tensors is damaged for certain: those of them whose own CRC-32 does not fit, if there are any.

    Args:
        touched: what holds bytes of the ranges, which are whole blocks.
        bad: parts of the file whose CRC-32 is wrong, ascending and without overlaps.
        ranges: byte ranges of the file, in any order.
    """
    places = TensorMap(
        payload_offset=0,
        names=[section.name for section in bad],
        begins=[section.offset for section in bad],
        ends=[section.offset + section.length for section in bad],
    )
    certain = touched_of(places, ranges)
    return msgspec.structs.replace(touched, names=certain.names, total=certain.total) if certain.total else touched


def _without_empty(tensors: TensorMap) -> TensorMap:
    """Only the tensors that have bytes: the others touch nothing."""
    kept = [index for index, begin in enumerate(tensors.begins) if begin < tensors.ends[index]]
    return TensorMap(
        payload_offset=tensors.payload_offset,
        names=[tensors.names[index] for index in kept],
        begins=[tensors.begins[index] for index in kept],
        ends=[tensors.ends[index] for index in kept],
    )


def pack_map(tensors: TensorMap) -> bytes | None:
    """The map for `HeaderFacts.packed_header`; None where it is too large to keep."""
    plain = msgspec.msgpack.encode(_without_empty(tensors))
    return zlib.compress(plain, 6) if len(plain) <= MAX_PACKED_BYTES else None


def touched_in_map(plain: bytes, ranges: Sequence[ByteRange]) -> TouchedTensors:
    """`touched_of`, for the unpacked bytes that `pack_map` packed; nothing for any other bytes."""
    try:
        return touched_of(_DECODER.decode(plain), ranges)
    except msgspec.DecodeError:
        return NOTHING_TOUCHED
