"""Small or hollow files that ask a reader for more than it has: each is a name and what writes it."""

from __future__ import annotations

import functools
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

MOST = 2**64 - 1
Writer = Callable[[Path], object]


def safetensors(header: bytes, length: int | None = None, payload: bytes = b"") -> Writer:
    return lambda path: path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + payload)


def overlapping(count: int) -> Writer:
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    return safetensors(json.dumps({f"t{number}": tensor for number in range(count)}).encode(), payload=bytes(4))


def endless_header(path: Path) -> None:
    """100 MB, the most that the format allows, and no end to it."""
    entry = b'"blocks.%07d.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 100_000_000) + b"{")
        for start in range(0, 1_400_000, 10_000):
            file.write(b"".join(entry % number for number in range(start, start + 10_000)))
        file.truncate(8 + 100_000_000)


def gguf(tensors: int, pairs: int, rest: bytes = b"") -> Writer:
    return lambda path: path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, tensors, pairs) + rest)


def gguf_string(length: int, content: bytes = b"x") -> Writer:
    return gguf(0, 1, struct.pack("<Q", length) + content + struct.pack("<IQ", 8, 1) + b"x")


def gguf_array(kind: int, count: int) -> Writer:
    return gguf(0, 1, struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, kind, count) + bytes(64))


def deep_arrays(depth: int) -> Writer:
    """GGUF arrays of arrays."""
    return gguf(0, 1, struct.pack("<Q", 1) + b"k" + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * depth)


def text(content: bytes) -> Writer:
    return lambda path: path.write_bytes(content)


def deflated(stored: bytes, claimed: int, crc: int) -> Writer:
    """A torch zip whose one storage is these deflated bytes."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("m/data.pkl", b"\x80\x02}q\x00.")
            archive.writestr("m/version", b"3\n")
            archive.writestr("m/data/0", stored)
            info = archive.getinfo("m/data/0")
            info.compress_type, info.file_size, info.CRC = zipfile.ZIP_DEFLATED, claimed, crc

            place = info.header_offset
        raw = bytearray(path.read_bytes())
        struct.pack_into("<H", raw, place + 8, zipfile.ZIP_DEFLATED)
        struct.pack_into("<III", raw, place + 14, crc, len(stored), claimed)
        path.write_bytes(raw)

    return write


def zeros_deflated(size_bytes: int) -> bytes:
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join(machine.compress(bytes(1 << 20)) for _ in range(size_bytes >> 20)) + machine.flush()


def _local(name: bytes, content: bytes) -> bytes:
    size = len(content)
    return (
        struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 0, zlib.crc32(content), size, size, len(name), 0) + name + content
    )


def _central(name: bytes, content: bytes, offset: int) -> bytes:
    size, crc = len(content), _crc(content)
    return (
        struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, crc, size, size, len(name), 0, 0, 0, 0, 0, offset) + name
    )


@functools.cache
def _crc(content: bytes) -> int:
    return zlib.crc32(content)


def overlapping_entries(count: int) -> Writer:
    """Every entry of the archive is the same stored megabyte."""

    def write(path: Path) -> None:
        content = bytes(range(256)) * 4096
        version, storages = b"m/version", [b"m/data/%05d" % number for number in range(count)]
        start = len(_local(version, b"3\n"))
        body = _local(version, b"3\n") + _local(storages[0], content)
        records = _central(version, b"3\n", 0) + b"".join(_central(name, content, start) for name in storages)
        end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count + 1, count + 1, len(records), len(body), 0)
        path.write_bytes(body + records + end)

    return write


BOMBS: dict[str, tuple[str, Writer]] = {
    "a header of 2^63 bytes": ("w.safetensors", safetensors(b"{}", 2**63)),
    "a header of 100 MB": ("w.safetensors", endless_header),
    "100,000 overlapping tensors": ("w.safetensors", overlapping(100_000)),
    "a deep header": ("w.safetensors", safetensors(b'{"a":' + b"[" * 1_000_000)),
    "a header of bad UTF-8": (
        "w.safetensors",
        safetensors(b'{"\xff\xfe":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', payload=bytes(4)),
    ),
    "2^64-1 tensors": ("w.gguf", gguf(MOST, 0, bytes(4096))),
    "2^64-1 pairs": ("w.gguf", gguf(0, MOST, bytes(4096))),
    "a string of 2^64-1 bytes": ("w.gguf", gguf_string(MOST)),
    "an array of 2^64-1 numbers": ("w.gguf", gguf_array(4, MOST)),
    "an array of 2^64-1 strings": ("w.gguf", gguf_array(8, MOST)),
    "arrays in arrays": ("w.gguf", deep_arrays(1_000_000)),
    "deep JSON": ("config.json", text(b"[" * 3_000_000)),
    "deep closed JSON": ("config.json", text(b'{"a":' * 500_000 + b"1" + b"}" * 500_000)),
    "JSON of bad UTF-8": ("config.json", text(b'{"a": "\xff\xfe\xfd"}')),
    "a deep index": ("w.safetensors.index.json", text(b'{"weight_map":' + b'{"a":' * 1_000_000)),
    "a zip bomb that hides its size": ("w.pth", deflated(zeros_deflated(1 << 30), 1000, 7)),
    "a zip bomb that owns to its size": ("w.pth", deflated(zeros_deflated(1 << 30), 1 << 30, 7)),
    "60,000 overlapping zip entries": ("w.pth", overlapping_entries(60_000)),
}
