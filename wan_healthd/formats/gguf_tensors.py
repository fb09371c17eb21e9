"""The second part of a GGUF file: the tensors' names, shapes, types and places, by ggml's rules.

One rule is not ggml's. Video models have convolutions of five dimensions; the writers of the Wan files (ComfyUI-GGUF, through
gguf-py) store them as they are, and their loaders take them, where ggml itself stops at four. So files that state an
architecture of pictures or video may have five dimensions, and names as long as those programs allow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from operator import mul

from msgspec import Struct

from wan_healthd.formats.cursor import Cursor
from wan_healthd.formats.ggml_types import BLOCKS
from wan_healthd.formats.gguf_metadata import Metadata, Unknown, read_name, shown
from wan_healthd.formats.strict_json import Malformed
from wan_healthd.formats.touching import TensorMap
from wan_healthd.formats.window import MAX_FILE_BYTES

_INT64_MAX = 2**63 - 1
_MEDIA_ARCHITECTURES = frozenset(
    {"aura", "cosmos", "cow", "flux", "hidream", "hyvid", "ltxv", "lumina2", "pig", "qwen_image", "sd1", "sd3", "sdxl", "wan"}
)
"""What ComfyUI-GGUF loads with gguf-py, by the names that it and the common converters write."""


class TensorRow(Struct, frozen=True):
    """One tensor. `shape` is in torch's order, slowest dimension first; `offset` is from the start of the data, in bytes."""

    name: str
    shape: tuple[int, ...]
    offset: int
    size_bytes: int


class Limits(Struct, frozen=True):
    """How far a loader goes: most dimensions, and the first length of a name that is too long, in bytes."""

    dimensions: int
    name_bytes: int


GGML_LIMITS = Limits(dimensions=4, name_bytes=64)
MEDIA_LIMITS = Limits(dimensions=5, name_bytes=128)


def read_tensors(cursor: Cursor, metadata: Metadata) -> list[TensorRow]:
    """All tensors in the order of the file.

    Raises:
        Malformed: the loaders refuse it too.
        Unknown: a tensor of a type that is not known to us.
    """
    limits = MEDIA_LIMITS if metadata.architecture in _MEDIA_ARCHITECTURES else GGML_LIMITS
    seen: set[bytes] = set()
    rows: list[TensorRow] = []
    for _ in range(metadata.tensor_count):
        name = _read_name(cursor, limits, seen)
        shape = _read_shape(cursor, limits, name)
        size_bytes = _size_bytes(name, shape, cursor.u32())
        rows.append(TensorRow(name.decode("utf-8", "replace"), shape[::-1], cursor.u64(), size_bytes))
    return rows


def lay_out(rows: Sequence[TensorRow], data_offset: int, alignment: int) -> TensorMap:
    """Where the tensors lie in the file.

    Args:
        rows: in the order of the file.
        data_offset: where the data begin, in bytes from the start of the file.
        alignment: each tensor begins at a multiple of it, in bytes from the start of the data.

    Raises:
        Malformed: a tensor does not begin where the one before it ends, rounded up.
    """
    end = 0
    for row in rows:
        if row.offset != end:
            name = shown(row.name.encode())
            raise Malformed("tensor-offset", f"tensor {name} begins at byte {row.offset} of the data instead of {end}")
        end = _round_up(end + row.size_bytes, alignment)
    if data_offset + end > MAX_FILE_BYTES:
        raise Malformed("tensor-overflow", f"the tensors end at byte {data_offset + end}, beyond the end of any file")
    begins = [data_offset + row.offset for row in rows]
    return TensorMap(
        payload_offset=data_offset,
        names=[row.name for row in rows],
        begins=begins,
        ends=[begin + row.size_bytes for begin, row in zip(begins, rows, strict=True)],
    )


def data_offset(header_end: int, metadata: Metadata) -> int:
    """Where the data begin: aligned, unless there are none."""
    return _round_up(header_end, metadata.alignment) if metadata.tensor_count else header_end


def _round_up(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment


def _read_name(cursor: Cursor, limits: Limits, seen: set[bytes]) -> bytes:
    name = read_name(cursor, "a tensor's name")
    if len(name) >= limits.name_bytes:
        raise Malformed("name-length", f"tensor {shown(name)}… has a name of {len(name)} bytes")
    if name in seen:
        raise Malformed("duplicate-tensor", f"tensor {shown(name)} stands twice in the header")
    seen.add(name)
    return name


def _read_shape(cursor: Cursor, limits: Limits, name: bytes) -> tuple[int, ...]:
    """The dimensions, fastest first."""
    count = cursor.u32()
    if count > limits.dimensions:
        raise Malformed("dimensions", f"tensor {shown(name)} has {count} dimensions, more than {limits.dimensions}")
    shape = tuple([cursor.u64() for _ in range(count)])
    if any(dimension > _INT64_MAX for dimension in shape):
        raise Malformed("dimension-negative", f"tensor {shown(name)} has a dimension below zero")
    if _overflows(shape):
        raise Malformed("shape-overflow", f"tensor {shown(name)} has more elements than 63 bits can count")
    return shape


def _overflows(shape: Sequence[int]) -> bool:
    """Whether the product from left to right leaves 63 bits, even if a zero follows, as ggml computes it."""
    return any(elements > _INT64_MAX for elements in accumulate(shape, mul))


def _size_bytes(name: bytes, shape: Sequence[int], element_type: int) -> int:
    if element_type >= 1 << 31:
        raise Malformed("tensor-type", f"tensor {shown(name)} has a type below zero")
    block = BLOCKS.get(element_type)
    if block is None:
        raise Unknown(f"tensor {shown(name)} has the unknown type {element_type}")
    row = shape[0] if shape else 1
    if row % block.elements:
        raise Malformed(
            "row-size", f"tensor {shown(name)} has {row} elements in a row, which blocks of {block.elements} cannot fill"
        )
    return math.prod(shape) // block.elements * block.size_bytes
