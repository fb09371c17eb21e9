"""The directory of a zip archive, entry by entry: nothing in it is believed before it fits the file.

Layout: PKWARE APPNOTE 6.3.10, sections 4.3.12 and 4.5.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct as Layout

from msgspec import Struct

from wan_healthd.domain.paths import display
from wan_healthd.formats.strict_json import Malformed, TooMuch
from wan_healthd.formats.window import Window
from wan_healthd.formats.zip_end import EndRecord, exactly, read_end

MAX_ENTRIES = 65_536
"""More are not judged. Real models have some thousand."""
MAX_DIRECTORY_BYTES = 6 << 20
SHOWN_CHARS = 120

STORED = 0
DEFLATED = 8
MAX_INFLATION = 1032
"""Deflate makes at most this many bytes of one (RFC 1951: 258 bytes of two bits)."""

LOCAL_HEADER_BYTES = 30

_HEADER = Layout("<4s6H3I5H2I")
_SIGNATURE = b"PK\1\2"
_DIGITAL_SIGNATURE = b"PK\5\5"
_FIELD = Layout("<2H")
_ZIP64_FIELD = 1
_U32 = 0xFFFF_FFFF
_FOLDER_ATTRIBUTE = 1 << 4
"""Of MS-DOS; miniz looks at it whoever made the archive."""
_ENCRYPTED = 1 << 0
_UNREADABLE_FLAGS = {
    _ENCRYPTED: "encrypted",
    1 << 5: "stored as a patch",
    1 << 6: "strongly encrypted",
    1 << 13: "masked",
}


class Entry(Struct, frozen=True, gc=False):
    """One entry as the directory states it; `name` is exact, `offset` is that of its local header."""

    name: bytes
    flags: int
    method: int
    crc32: int
    stored_bytes: int
    size_bytes: int
    offset: int

    @property
    def unsupported(self) -> str | None:
        """Why we cannot judge this entry, in words; None where we can."""
        for flag, what in _UNREADABLE_FLAGS.items():
            if self.flags & flag:
                return f"entry {self.label} is {what}"
        if self.method not in (STORED, DEFLATED):
            return f"entry {self.label} is compressed by method {self.method}"
        return None

    @property
    def label(self) -> str:
        """The name for people."""
        return display(self.name[: 4 * SHOWN_CHARS])[:SHOWN_CHARS]  # a character has four bytes at most


class Directory(Struct, frozen=True):
    """The directory; `entries` are in its own order, `offset` is where it begins."""

    entries: list[Entry]
    offset: int
    archive_bytes: int


def read_directory(window: Window) -> Directory:
    """Read the end records and the whole directory.

    Raises:
        Malformed: a rule of the format is broken.
        TooMuch: more than is judged.
    """
    end = read_end(window)
    if end.count * _HEADER.size > end.directory_bytes:
        raise Malformed("zip-directory", f"{end.count} entries do not fit into a directory of {end.directory_bytes} bytes")
    if end.count > MAX_ENTRIES or end.directory_bytes > MAX_DIRECTORY_BYTES:
        raise TooMuch(f"a directory of {end.count} entries in {end.directory_bytes} bytes")
    data = exactly(window, end.directory_offset, end.directory_bytes)
    return Directory(list(_entries(data, end)), end.directory_offset, end.archive_bytes)


def _entries(data: bytes, end: EndRecord) -> Iterator[Entry]:
    at = 0
    for number in range(end.count):
        if at + _HEADER.size > len(data) or not data.startswith(_SIGNATURE, at):
            raise Malformed("zip-directory", f"the archive's directory breaks off at entry {number} of {end.count}")
        fields = _HEADER.unpack_from(data, at)
        names = at + _HEADER.size
        extra = names + fields[10]
        at = extra + fields[11] + fields[12]
        if at > len(data):
            raise Malformed("zip-directory", f"entry {number} of {end.count} reaches beyond the archive's directory")
        yield _entry(fields, data[names:extra], data[extra : extra + fields[11]], end)
    if at != len(data) and not data.startswith(_DIGITAL_SIGNATURE, at):
        raise Malformed("zip-directory", f"{len(data) - at} bytes stand behind the last entry of the archive's directory")


def _entry(fields: tuple[int, ...], name: bytes, extra: bytes, end: EndRecord) -> Entry:
    _signature, _made, _needed, flags, method, _time, _date, crc32, stored, size, _, _, _, disk, _, attributes, offset = fields
    if _U32 in (stored, size, offset):
        size, stored, offset = _widened(extra, size, stored, offset)
    entry = Entry(name, flags, method, crc32, stored, size, offset)
    if not name or b"\0" in name:
        raise Malformed("zip-entry-name", f"the entry at byte {offset} has no usable name")
    if disk not in (0, 1):
        raise Malformed("zip-multi-disk", f"entry {entry.label} claims to be on disk {disk}")
    if offset + LOCAL_HEADER_BYTES + len(name) + stored > end.directory_offset:
        raise Malformed("zip-entry-place", f"entry {entry.label} reaches beyond the end of the archive's data")
    if entry.size_bytes and (attributes & _FOLDER_ATTRIBUTE or name.endswith(b"/")):
        raise Malformed(
            "zip-entry-kind", f"entry {entry.label} is marked as a folder, yet has content, which torch then ignores"
        )
    _check_sizes(entry)
    return entry


def _widened(extra: bytes, *narrow: int) -> Iterator[int]:
    """The fields that are too large for 32 bits, from the zip64 extra field, which holds only these, in this order."""
    wide = _zip64_field(extra)
    at = 0
    for value in narrow:
        if value == _U32 and wide is not None:
            if at + 8 > len(wide):
                raise Malformed("zip-zip64", "an entry's zip64 field lacks a size or an offset")
            yield int.from_bytes(wide[at : at + 8], "little")
            at += 8
        else:
            yield value


def _zip64_field(extra: bytes) -> bytes | None:
    at = 0
    while at + _FIELD.size <= len(extra):
        kind, length = _FIELD.unpack_from(extra, at)
        at += _FIELD.size
        if kind == _ZIP64_FIELD:
            return extra[at : at + length]
        at += length
    return None


def _check_sizes(entry: Entry) -> None:
    if entry.unsupported is not None:
        return
    if entry.method == STORED and entry.stored_bytes != entry.size_bytes:
        raise Malformed(
            "zip-entry-size", f"entry {entry.label} holds {entry.stored_bytes} bytes, but claims {entry.size_bytes}"
        )
    if entry.size_bytes > entry.stored_bytes * MAX_INFLATION:
        raise Malformed(
            "zip-entry-size", f"entry {entry.label} cannot inflate from {entry.stored_bytes} to {entry.size_bytes} bytes"
        )
