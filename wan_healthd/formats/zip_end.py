"""The end of a zip archive: where its directory lies, by the end record and, before it, the zip64 records.

Layouts: PKWARE APPNOTE 6.3.10, sections 4.3.14 to 4.3.16. Stricter than loaders only where the records contradict one another,
which no writer causes.
"""

from __future__ import annotations

import errno
from struct import Struct as Layout

from msgspec import Struct

from wan_healthd.formats.strict_json import Malformed
from wan_healthd.formats.window import Window

END_BYTES = 22
MAX_BEHIND_END_BYTES = 65_535
"""A comment's largest length; torch and zipfile look no further back for the end record, whatever stands behind it."""

_END = Layout("<4s4H2IH")
_LOCATOR = Layout("<4sIQI")
_END64 = Layout("<4sQ2H2I4Q")
_END_SIGNATURE = b"PK\5\6"
_LOCATOR_SIGNATURE = b"PK\6\7"
_END64_SIGNATURE = b"PK\6\6"
_END64_UNCOUNTED_BYTES = 12
"""A zip64 end record does not count its signature and its own length."""

_U16 = 0xFFFF
_U32 = 0xFFFF_FFFF
_SINGLE_DISKS = {(0, 0), (1, 1)}


class EndRecord(Struct, frozen=True):
    """What the end records say. Bytes and offsets in the file.

    Args:
        count: entries in the directory.
        directory_offset, directory_bytes: where the directory lies; it ends where the first end record begins.
        archive_bytes: where the archive ends, with its comment; at most the file's size, for loaders do not mind a cut comment.
    """

    count: int
    directory_offset: int
    directory_bytes: int
    archive_bytes: int


class _Counts(Struct, frozen=True):
    """The fields that both kinds of end record have; `offset` is the record's own."""

    offset: int
    disks: tuple[int, int]
    here: int
    count: int
    directory_bytes: int
    directory_offset: int


def exactly(window: Window, offset: int, length: int) -> bytes:
    """Bytes that the file has by its size.

    Raises:
        OSError: the file became shorter, so that nothing can be said of it.
    """
    data = window.read(offset, length)
    if len(data) < length:
        raise OSError(errno.ESTALE, "the file became shorter while its header was read")
    return data


def read_end(window: Window) -> EndRecord:
    """Find and read the end records.

    Raises:
        Malformed: "truncated" where there is no end record, or another rule that the records break.
    """
    offset, record = _find_end(window)
    _signature, disk, directory_disk, here, count, size, start, comment = _END.unpack(record)
    classic = _Counts(offset, (disk, directory_disk), here, count, size, start)
    wide = _zip64(window, offset)
    counts = classic if wide is None else _reconciled(classic, wide)
    if counts.disks not in _SINGLE_DISKS or counts.here != counts.count:
        raise Malformed("zip-multi-disk", "the archive claims to be split over several disks")
    end = counts.directory_offset + counts.directory_bytes
    if end != counts.offset:
        raise Malformed(
            "zip-end-record",
            f"the archive's directory should end at byte {end}, but what follows it stands at byte {counts.offset}",
        )
    return EndRecord(
        count=counts.count,
        directory_offset=counts.directory_offset,
        directory_bytes=counts.directory_bytes,
        archive_bytes=min(offset + END_BYTES + comment, window.size_bytes),
    )


def _find_end(window: Window) -> tuple[int, bytes]:
    """The last end record that is whole: its offset and its bytes."""
    start = max(0, window.size_bytes - END_BYTES - MAX_BEHIND_END_BYTES)
    tail = exactly(window, start, window.size_bytes - start)
    at = tail.rfind(_END_SIGNATURE, 0, max(0, len(tail) - END_BYTES + len(_END_SIGNATURE)))
    if at < 0:
        raise Malformed("truncated", "the archive has no end: its directory, which stands last, is missing")
    return start + at, tail[at : at + END_BYTES]


def _zip64(window: Window, end_offset: int) -> _Counts | None:
    """The zip64 end record, if a locator stands before the end record."""
    locator_offset = end_offset - _LOCATOR.size
    if locator_offset < 0:
        return None
    signature, _disk, offset, disks = _LOCATOR.unpack(exactly(window, locator_offset, _LOCATOR.size))
    if signature != _LOCATOR_SIGNATURE:
        return None
    if disks != 1:
        raise Malformed("zip-multi-disk", "the archive claims to be split over several disks")
    if offset + _END64.size > locator_offset:
        raise Malformed("zip-end-record", f"its zip64 end record should stand at byte {offset}, where there is no room for it")
    record = _END64.unpack(exactly(window, offset, _END64.size))
    signature, length, _made, _needed, disk, directory_disk, here, count, size, start = record
    if signature != _END64_SIGNATURE or offset + _END64_UNCOUNTED_BYTES + length != locator_offset:
        raise Malformed("zip-end-record", f"what stands at byte {offset} is no whole zip64 end record")
    return _Counts(offset, (disk, directory_disk), here, count, size, start)


def _reconciled(classic: _Counts, wide: _Counts) -> _Counts:
    """The zip64 record counts; the classic one says the same wherever its fields are wide enough."""
    pairs = (
        (classic.here, wide.here, _U16),
        (classic.count, wide.count, _U16),
        (classic.directory_bytes, wide.directory_bytes, _U32),
        (classic.directory_offset, wide.directory_offset, _U32),
    )
    if any(narrow not in (exact, unsaid) for narrow, exact, unsaid in pairs):
        raise Malformed("zip-end-record", "its two end records contradict each other")
    return wide
