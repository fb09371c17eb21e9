"""Reads a binary header front to back, in chunks, within a budget; what is skipped is not read."""

from __future__ import annotations

import errno
import struct

from wan_healthd.formats.window import MAX_READ_BYTES, Window

CHUNK_BYTES = 128 << 10

_U32 = struct.Struct("<I").unpack_from
_U64 = struct.Struct("<Q").unpack_from


class Short(Exception):
    """The file ends before the header does; `missing_bytes` are wanting at least."""

    def __init__(self, missing_bytes: int) -> None:
        super().__init__(missing_bytes)
        self.missing_bytes = missing_bytes


class OverBudget(Exception):
    """The header is longer than what is read of one file."""


class Cursor:
    """A place in a file, and the bytes behind it. All methods raise Short, OverBudget, and what the window raises.

    Attributes:
        size_bytes: the file's size.
    """

    def __init__(self, window: Window, budget_bytes: int = MAX_READ_BYTES) -> None:
        self._window = window
        self._left = budget_bytes
        self._chunk = b""
        self._start = 0
        self._at = 0
        self.size_bytes = window.size_bytes

    @property
    def offset(self) -> int:
        """The present place, in bytes from the start of the file."""
        return self._start + self._at

    @property
    def remaining(self) -> int:
        """Bytes from here to the end of the file."""
        return self.size_bytes - self.offset

    def take(self, length: int) -> bytes:
        """The next bytes."""
        at = self._ready(length)
        self._at = at + length
        return self._chunk[at : at + length]

    def u32(self) -> int:
        """The next four bytes, little-endian."""
        at = self._ready(4)
        self._at = at + 4
        value: int = _U32(self._chunk, at)[0]
        return value

    def u64(self) -> int:
        """The next eight bytes, little-endian."""
        at = self._ready(8)
        self._at = at + 8
        value: int = _U64(self._chunk, at)[0]
        return value

    def varint(self) -> int | None:
        """The next number in protobuf's encoding; None where it is longer than the ten bytes that 64 bits can need."""
        value = 0
        for shift in range(0, 70, 7):
            if self._at >= len(self._chunk):  # without a call for each byte: a message may have millions of them
                self._fetch(1)
            byte = self._chunk[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 -- the top bit says that more follow
                return value
        return None

    def skip(self, length: int) -> None:
        """Pass over bytes; what lies beyond the present chunk is never read."""
        if length > self.remaining:
            raise Short(length - self.remaining)
        self._at += length

    def skip_strings(self, count: int, most_bytes: int) -> int | None:
        """Pass over strings, each with its length in eight bytes before it.

        Returns:
            None, or the first length above `most_bytes`; then the cursor stands behind that length.
        """
        for _ in range(count):
            at, chunk = self._at, self._chunk
            if at + 8 > len(chunk):  # the usual case without a call: a vocabulary has a million strings
                at, chunk = self._ready(8), self._chunk
            length: int = _U64(chunk, at)[0]
            self._at = at + 8
            if length > most_bytes:
                return length
            if self._at + length > len(chunk):
                self.skip(length)
            else:
                self._at += length
        return None

    def _ready(self, length: int) -> int:
        """Make sure that the next bytes are in the chunk; where in it they begin."""
        if self._at + length > len(self._chunk):
            self._fetch(length)
        return self._at

    def _fetch(self, length: int) -> None:
        if length > self.remaining:
            raise Short(length - self.remaining)
        wanted = min(max(length, CHUNK_BYTES), self.remaining)
        if wanted > self._left:
            wanted = length
        if wanted > self._left:
            raise OverBudget
        self._left -= wanted
        self._start, self._at = self.offset, 0
        self._chunk = self._window.read(self._start, wanted)
        if len(self._chunk) < wanted:
            raise OSError(errno.ESTALE, "the file became shorter while its header was read")
