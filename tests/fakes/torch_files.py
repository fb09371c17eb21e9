"""Files as torch writes them, made without torch; and the places in a zip archive where tests break them."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Mapping

VERSION = {"a/version": b"3\n"}
RECORDS: dict[str, bytes] = {
    "a/data.pkl": b"\x80\x02}q\x00.",
    "a/byteorder": b"little",
    "a/data/0": bytes(range(256)) * 8,
    "a/data/1": b"\1" * 100,
    **VERSION,
}


def archive(
    records: Mapping[str, bytes] = RECORDS,
    *,
    method: int = zipfile.ZIP_STORED,
    comment: bytes = b"",
    wide: bool = False,
) -> bytes:
    """A zip archive by the standard library; `wide` gives each entry a zip64 field."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as writer:
        for name, data in records.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with writer.open(info, "w", force_zip64=wide) as entry:
                entry.write(data)
        writer.comment = comment
    return sink.getvalue()


class _Pipe(io.RawIOBase):
    """What cannot seek: zip archives written to it have their sizes behind the content."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self.content += piece
        return len(piece)


def streamed_archive(records: Mapping[str, bytes] = RECORDS) -> bytes:
    """An archive with data descriptors."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w") as writer:
        for name, data in records.items():
            writer.writestr(name, data)
    return bytes(pipe.content)


def mixed_archive(records: Mapping[str, bytes] = RECORDS) -> bytes:
    """Stored and deflated entries, as in TorchScript."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as writer:
        for number, (name, data) in enumerate(records.items()):
            writer.writestr(name, data, zipfile.ZIP_DEFLATED if number % 2 else zipfile.ZIP_STORED)
    return sink.getvalue()


def torch_archive(records: Mapping[str, bytes] = RECORDS, *, with_crc: bool = True, wide: bool = False) -> bytes:
    """As torch's writer does: padded to 64 bytes, data descriptors, and always the zip64 end records.

    `wide` puts all sizes and offsets into zip64 fields, as torch does beyond 4 GiB.
    """
    body, directory = bytearray(), bytearray()
    for name, data in records.items():
        crc32 = zlib.crc32(data) if with_crc else 0
        offset, key = len(body), name.encode()
        padding = -(offset + 30 + len(key) + 4) % 64
        body += struct.pack("<4s5H3I2H", b"PK\3\4", 0, 0x808, 0, 0, 0, 0, 0, 0, len(key), 4 + padding)
        body += key + b"FB" + padding.to_bytes(2, "little") + b"Z" * padding + data
        body += struct.pack("<4s3I", b"PK\7\10", crc32, len(data), len(data))
        extra = (
            struct.pack("<2H2I", 0x4246, 8, 0, 0) + struct.pack("<2H3Q", 1, 24, len(data), len(data), offset) if wide else b""
        )
        size, place = (0xFFFF_FFFF, 0xFFFF_FFFF) if wide else (len(data), offset)
        sizes = (crc32, size, size, len(key), len(extra))
        directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 0, 0, 0x808, 0, 0, 0, *sizes, 0, 0, 0, 0, place) + key + extra
    start, count = len(body), len(records)
    return bytes(body + directory) + ends(count, len(directory), start)


def ends(count: int, size: int, start: int, *, at: int | None = None) -> bytes:
    """The three end records, for a directory of that many entries and bytes at `start`; `at` is where they stand."""
    here = start + size if at is None else at
    wide = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 798, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, here, 1)
    few, small = min(count, 0xFFFF), [min(value, 0xFFFF_FFFF) for value in (size, start)]
    return wide + locator + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, few, few, *small, 0)


def patched(data: bytes, offset: int, patch: bytes) -> bytes:
    """The same bytes with some of them replaced."""
    return data[:offset] + patch + data[offset + len(patch) :]


def directory_entry(data: bytes, name: str) -> int:
    """Where the entry stands in the directory."""
    return data.rindex(name.encode()) - 46


def local_header(data: bytes, name: str) -> int:
    """Where the entry itself begins."""
    return data.index(name.encode()) - 30


def legacy(storages: Mapping[str, tuple[str, bytes]], *, protocol: int = 2) -> bytes:
    """A file of torch before 1.6: storages by key, each with its type (as `FloatStorage`) and its bytes."""
    start = bytes((0x80, protocol))
    system = start + b"}q\0(X\x10\0\0\0protocol_versionq\1M\xe9\3u."
    saved = b"".join(_reference(key, kind, _count(kind, data)) for key, (kind, data) in storages.items())
    names = b"".join(_text(key) + b"q\1" for key in sorted(storages))
    keys = start + b"]q\0(" + names + b"e."
    head = (
        pickle.dumps(0x1950A86A20F9469CFC6C, protocol)
        + pickle.dumps(1001, protocol)
        + system
        + start
        + b"]("
        + saved
        + b"e."
        + keys
    )
    return head + b"".join(_storage(*storages[key]) for key in sorted(storages))


ELEMENT_BYTES = {"ByteStorage": 1, "HalfStorage": 2, "FloatStorage": 4, "LongStorage": 8}


def _text(text: str) -> bytes:
    return b"X" + len(text).to_bytes(4, "little") + text.encode()


def _count(kind: str, data: bytes) -> int:
    return len(data) // ELEMENT_BYTES.get(kind, 1)


def _reference(key: str, kind: str, count: int) -> bytes:
    number = b"J" + count.to_bytes(4, "little")
    return b"(" + _text("storage") + b"ctorch\n" + kind.encode() + b"\n" + _text(key) + _text("cpu") + number + b"NtQ"


def _storage(kind: str, data: bytes) -> bytes:
    return _count(kind, data).to_bytes(8, "little") + data
