"""Makes GGUF files in memory, valid or not, without gguf-py."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import NamedTuple

from wan_healthd.formats.ggml_types import BLOCKS

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
F32_TENSOR, F16_TENSOR, Q4_0_TENSOR, Q8_0_TENSOR, Q4_K_TENSOR = 0, 1, 2, 8, 12


class Tensor(NamedTuple):
    """A row of the table. `shape` is as the file has it, fastest dimension first; None lets `make` fill in the rest."""

    name: bytes
    shape: Sequence[int]
    element_type: int = F32_TENSOR
    offset: int | None = None

    @property
    def size_bytes(self) -> int:
        block = BLOCKS.get(self.element_type)
        return 0 if block is None else math.prod(self.shape) // block.elements * block.size_bytes


def string(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def entry(key: bytes, value_type: int, value: bytes) -> bytes:
    """A key with an encoded value."""
    return string(key) + struct.pack("<I", value_type) + value


def text_entry(key: bytes, text: bytes) -> bytes:
    return entry(key, STRING, string(text))


def array(element_type: int, elements: Sequence[bytes], count: int | None = None) -> bytes:
    return struct.pack("<IQ", element_type, len(elements) if count is None else count) + b"".join(elements)


def alignment_entry(alignment: int) -> bytes:
    return entry(b"general.alignment", U32, struct.pack("<I", alignment))


def row(tensor: Tensor, offset: int) -> bytes:
    shape = b"".join(struct.pack("<Q", dimension & (2**64 - 1)) for dimension in tensor.shape)
    place = offset if tensor.offset is None else tensor.offset
    return string(tensor.name) + struct.pack("<I", len(tensor.shape)) + shape + struct.pack("<IQ", tensor.element_type, place)


def header(
    entries: Sequence[bytes] = (),
    tensors: Sequence[Tensor] = (),
    *,
    version: int = 3,
    entry_count: int | None = None,
    tensor_count: int | None = None,
    alignment: int = 32,
) -> bytes:
    """Everything before the data, without padding."""
    counts = (
        len(tensors) if tensor_count is None else tensor_count,
        len(entries) if entry_count is None else entry_count,
    )
    parts = [b"GGUF", struct.pack("<IQQ", version, *counts), *entries]
    offset = 0
    for tensor in tensors:
        parts.append(row(tensor, offset))
        offset += -(-tensor.size_bytes // alignment) * alignment
    return b"".join(parts)


def make(entries: Sequence[bytes] = (), tensors: Sequence[Tensor] = (), *, alignment: int = 32, padded: bool = True) -> bytes:
    """A whole file; `alignment` must be the one that the entries state. The data are not zeros."""
    data = b"".join(_padded(b"\x5a" * tensor.size_bytes, alignment) for tensor in tensors)
    if tensors and not padded:
        data = data[: len(data) - len(_padded(b"\x5a" * tensors[-1].size_bytes, alignment)) + tensors[-1].size_bytes]
    before = header(entries, tensors, alignment=alignment)
    return (_padded(before, alignment) if tensors else before) + data


def _padded(content: bytes, alignment: int) -> bytes:
    return content + bytes(-len(content) % alignment)
