"""Where the content of each zip entry lies: behind its local header, which must say what the directory says.

Loaders believe one of the two and never compare; a file in which they differ means different things to different loaders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from struct import Struct as Layout

from msgspec import Struct

from wan_healthd.formats.strict_json import Malformed, TooMuch
from wan_healthd.formats.window import Window
from wan_healthd.formats.zip_directory import LOCAL_HEADER_BYTES, Directory, Entry
from wan_healthd.formats.zip_end import exactly

MAX_HEADER_READ_BYTES = 9 << 20
"""Bound on what is read of local headers."""
JOINED_GAP_BYTES = 512
"""Headers that lie closer together than this are read at once."""
BATCH_BYTES = 1 << 18

_HEADER = Layout("<4s5H3I2H")
_SIGNATURE = b"PK\3\4"
_HAS_DESCRIPTOR = 1 << 3
"""Sizes and CRC-32 stand behind the content; those in the local header may be zero."""
_ENCRYPTED = 1 << 0
_U32 = 0xFFFF_FFFF


class Payload(Struct, frozen=True, gc=False):
    """An entry and where its stored bytes begin."""

    entry: Entry
    offset: int

    @property
    def end(self) -> int:
        """First byte behind the stored bytes."""
        return self.offset + self.entry.stored_bytes


def locate(window: Window, directory: Directory) -> list[Payload]:
    """The content of every entry, in the order of the file.

    Raises:
        Malformed: a local header that contradicts the directory, or entries that overlap.
        TooMuch: the headers lie too scattered to be read within bounds.
    """
    entries = sorted(directory.entries, key=_place)
    payloads: list[Payload] = []
    read_bytes = 0
    for batch in _batches(entries):
        start = batch[0].offset
        length = _header_end(batch[-1]) - start
        read_bytes += length
        if read_bytes > MAX_HEADER_READ_BYTES:
            raise TooMuch(f"the headers of {len(entries)} entries, scattered over the file")
        data = exactly(window, start, length)
        payloads += [Payload(entry, _payload_offset(data, entry.offset - start, entry)) for entry in batch]
    _check_order(payloads, directory.offset)
    return payloads


def _place(entry: Entry) -> int:
    return entry.offset


def _header_end(entry: Entry) -> int:
    """Behind the part of the local header that is looked at."""
    return entry.offset + LOCAL_HEADER_BYTES + len(entry.name)


def _batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Runs of entries whose headers lie close together."""
    batch: list[Entry] = []
    reach = 0
    for entry in entries:
        end = _header_end(entry)
        if batch and (entry.offset > reach + JOINED_GAP_BYTES or end > batch[0].offset + BATCH_BYTES):
            yield batch
            batch = []
        elif batch and end < reach:
            raise _overlap(entry)
        batch.append(entry)
        reach = end
    if batch:
        yield batch


def _payload_offset(data: bytes, at: int, entry: Entry) -> int:
    fields = _HEADER.unpack_from(data, at)
    signature, _needed, flags, method, _time, _date, crc32, stored, size, name_bytes, extra_bytes = fields
    if signature != _SIGNATURE:
        raise Malformed("zip-local-header", f"there is no entry at byte {entry.offset}, where {entry.label} should begin")
    name = data[at + LOCAL_HEADER_BYTES : at + LOCAL_HEADER_BYTES + len(entry.name)]
    if (name_bytes, name, method) != (len(entry.name), entry.name, entry.method) or (flags ^ entry.flags) & _ENCRYPTED:
        raise _contradiction(entry)
    if not flags & _HAS_DESCRIPTOR and not _agree(entry, crc32, stored, size):
        raise _contradiction(entry)
    payload_offset: int = entry.offset + LOCAL_HEADER_BYTES + name_bytes + extra_bytes
    return payload_offset


def _agree(entry: Entry, crc32: int, stored: int, size: int) -> bool:
    """Sizes too large for their field stand elsewhere; a header without any of the three is careless, not wrong."""
    if (crc32, stored, size) == (0, 0, 0):
        return True
    return crc32 == entry.crc32 and stored in (entry.stored_bytes, _U32) and size in (entry.size_bytes, _U32)


def _check_order(payloads: Sequence[Payload], directory_offset: int) -> None:
    """No entry may share bytes with another one, nor with the directory."""
    for payload, following in pairwise(payloads):
        if payload.end > following.entry.offset:
            raise _overlap(following.entry)
    if payloads and payloads[-1].end > directory_offset:
        raise Malformed("zip-overlap", f"entry {payloads[-1].entry.label} overlaps the archive's directory")


def _overlap(entry: Entry) -> Malformed:
    return Malformed("zip-overlap", f"entry {entry.label} overlaps the one before it")


def _contradiction(entry: Entry) -> Malformed:
    return Malformed("zip-local-header", f"the local header of entry {entry.label} contradicts the archive's directory")
