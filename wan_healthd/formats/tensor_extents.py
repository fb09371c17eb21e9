"""Where the tensors of a safetensors file lie: the format's rules on shapes and offsets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import prod

from msgspec import Struct

from wan_healthd.formats.dtypes import ELEMENT_BITS
from wan_healthd.formats.strict_json import Malformed
from wan_healthd.formats.tensor_info import U64_MAX, TensorInfo, TensorTable, shown

_USUAL_DIMENSIONS = 8
"""A shape of many more takes long to multiply unless that is given up early."""


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
    offsets = [info.data_offsets for info in table.values()]
    if offsets != (in_order := sorted(offsets)):  # writers put them in order
        table, offsets = dict(sorted(table.items(), key=lambda row: row[1].data_offsets)), in_order
    extents = Extents(
        names=list(table),
        begins=[begin for begin, _ in offsets],
        ends=[end for _, end in offsets],
    )
    if not _is_plainly_sound(table.values(), extents):
        _judge_each(table)
    return extents


def _is_plainly_sound(infos: Collection[TensorInfo], extents: Extents) -> bool:
    """The usual case at half the cost: no tensor is empty, and nothing comes near what 64 bits hold.

    Then the order of the multiplications, on which the loader's refusals depend, makes no difference. False proves nothing.
    """
    begins, ends, shapes = extents.begins, extents.ends, [info.shape for info in infos]
    is_usual = max(map(len, shapes), default=0) <= _USUAL_DIMENSIONS and 8 * extents.payload_bytes <= U64_MAX
    if not is_usual or begins != [0, *ends][: len(begins)]:
        return False
    given = [8 * (end - begin) for begin, end in zip(begins, ends, strict=True)]
    needed = [prod(shape) * ELEMENT_BITS[info.dtype] for shape, info in zip(shapes, infos, strict=True)]
    return needed == given and 0 not in given


def _judge_each(table: TensorTable) -> None:
    end = 0
    for name, info in table.items():
        begin, stop = info.data_offsets
        if begin != end or stop < begin:
            raise _offset_fault(name, begin, stop, end)
        end = stop
        if stop - begin != _size_bytes(name, info):
            raise _size_fault(name, info)


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
