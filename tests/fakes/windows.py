"""A window over bytes in memory, which keeps count of what is read."""

from __future__ import annotations


class BytesWindow:
    """Satisfies `formats.window.Window`.

    Attributes:
        size_bytes: as stated, else that of the content; a larger one stands for a file that continues with a hole.
        bytes_read: sum of all lengths that were asked for.
    """

    def __init__(self, content: bytes, size_bytes: int | None = None) -> None:
        self._content = content
        self.size_bytes = len(content) if size_bytes is None else size_bytes
        self.bytes_read = 0

    def read(self, offset: int, length: int) -> bytes:
        self.bytes_read += length
        end = min(offset + length, self.size_bytes)
        return self._content[offset:end].ljust(max(0, end - offset), b"\0")


class ShrinkingWindow(BytesWindow):
    """A file that became shorter after the window was made: there is nothing to read any more."""

    def read(self, offset: int, length: int) -> bytes:
        return b""
