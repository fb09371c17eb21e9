"""Ways in which a file is damaged, and what the world's own loader says that a stretch of it holds."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import safetensors

BLOCK_BYTES = 1 << 20
"""The block of a block map, stated here anew: tests do not take the product's word for it."""

Edit = Callable[[BinaryIO], object]


def edit(path: Path, change: Edit, *, keep_mtime: bool = False) -> None:
    """Change an existing file in place; `keep_mtime` puts the old time back before anybody hears of the close."""
    before = path.stat()
    with path.open("r+b") as file:
        change(file)
        file.flush()
        if keep_mtime:
            os.utime(file.fileno(), ns=(before.st_atime_ns, before.st_mtime_ns))


def flip_bit(offset: int) -> Edit:
    def change(file: BinaryIO) -> None:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))

    return change


def overwrite(offset: int, content: bytes) -> Edit:
    def change(file: BinaryIO) -> None:
        file.seek(offset)
        file.write(content)

    return change


def cut(size_bytes: int) -> Edit:
    return lambda file: file.truncate(size_bytes)


def put_back(content: bytes) -> Edit:
    """The whole content again, whatever the size was."""

    def change(file: BinaryIO) -> None:
        file.write(content)
        file.truncate(len(content))

    return change


def tensors_in(content: bytes, offset: int, length: int) -> set[str]:
    """Names of the tensors that have bytes in this stretch of an intact file.

    Nothing of ours is asked: every bit of the stretch is turned, and the real loader shows whose values changed.
    """
    (header_bytes,) = struct.unpack("<Q", content[:8])
    start, end = max(offset, 8 + header_bytes), min(offset + length, len(content))
    other = bytearray(content)
    other[start:end] = bytes(byte ^ 0xFF for byte in content[start:end])
    before, after = _values(content), _values(bytes(other))
    return {name for name, value in before.items() if value != after[name]}


def block_of(offset: int, size_bytes: int) -> dict[str, int]:
    """The range of the block that holds the byte at `offset`, as findings write ranges."""
    start = offset - offset % BLOCK_BYTES
    return {"offset": start, "length": min(BLOCK_BYTES, size_bytes - start)}


def _values(content: bytes) -> dict[str, bytes]:
    return {name: bytes(tensor["data"]) for name, tensor in safetensors.deserialize(content)}  # type: ignore[no-untyped-call]
