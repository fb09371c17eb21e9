"""Where the tensors of a safetensors file lie: the format's rules on shapes and offsets."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from wan_healthd.formats.dtypes import ELEMENT_BITS
from wan_healthd.formats.strict_json import Malformed
from wan_healthd.formats.tensor_info import U64_MAX, TensorInfo, TensorTable, shown


class Extents(Struct, frozen=True):
    """Tensors in the order of the file: names and [begin, end) in bytes from the start of the payload, without gaps."""

    names: list[str]
    begins: list[int]
    ends: list[int]

    @property
    def payload_bytes(self) -> int:
        """Size of all tensors together."""
        return self.ends[-1] if self.ends else 0


def lay_out(table: TensorTable) -> Extents:
    """The tensors in the order of their offsets.

    Raises:
        Malformed: a hole, an overlap, or a tensor whose size does not fit its shape.
    """
    rows = sorted(table.items(), key=lambda row: row[1].data_offsets)
    end = 0
    for name, info in rows:
        begin, stop = info.data_offsets
        if begin != end or stop < begin:
            raise _offset_fault(name, begin, stop, end)
        end = stop
        if stop - begin != _size_bytes(name, info):
            raise _size_fault(name, info)
    return Extents(
        names=[name for name, _ in rows],
        begins=[info.data_offsets[0] for _, info in rows],
        ends=[info.data_offsets[1] for _, info in rows],
    )


def _size_bytes(name: str, info: TensorInfo) -> int:
    """Bytes that shape and dtype demand; the loader computes in 64 bits and refuses what does not fit."""
    bits = _element_count(info.shape, U64_MAX) * ELEMENT_BITS[info.dtype]
    if bits > U64_MAX:
        raise Malformed("shape-overflow", f"tensor {shown(name)} has a shape that no 64-bit size can hold")
    if bits % 8:
        raise Malformed("tensor-misaligned", f"tensor {shown(name)} of {info.dtype} does not fill whole bytes")
    return bits // 8


def _element_count(shape: Sequence[int], limit: int) -> int:
    """Product of the dimensions from left to right, given up above `limit` even if a zero follows, as the loader does."""
    count = 1
    for dimension in shape:
        count *= dimension
        if count > limit:
            break
    return count


def _offset_fault(name: str, begin: int, stop: int, expected: int) -> Malformed:
    if stop < begin:
        return Malformed("offsets-backwards", f"tensor {shown(name)} ends at byte {stop}, before it begins at {begin}")
    if begin < expected:
        return Malformed(
            "offsets-overlap", f"tensor {shown(name)} begins at byte {begin}, inside the one that ends at {expected}"
        )
    return Malformed("offsets-hole", f"tensor {shown(name)} begins at byte {begin}, but the one before it ends at {expected}")


def _size_fault(name: str, info: TensorInfo) -> Malformed:
    begin, stop = info.data_offsets
    needed = _size_bytes(name, info)
    return Malformed(
        "tensor-size",
        f"tensor {shown(name)} has {stop - begin} bytes, but its shape and dtype {info.dtype} need {needed}",
    )
