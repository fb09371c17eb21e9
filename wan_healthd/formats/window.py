"""How a format reads the file that it judges: a few small pieces, at places that it chooses."""

from __future__ import annotations

from typing import Protocol


class Window(Protocol):
    """Positional reads of one open file, which somebody else opened and will close.

    A reader may raise OSError where the storage refuses; formats let it pass, because then nobody could look.

    Attributes:
        size_bytes: the file's size when the window was made. The file may have become shorter since.
    """

    size_bytes: int

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes at `offset`; fewer only where the file ends."""


MAX_FILE_BYTES = 2**63 - 1
"""No file system gives more, and what would end later cannot be told further: the worker's answer has no larger numbers."""
MAX_READ_BYTES = 16 << 20
"""No format reads more than this of one file in order to judge its header."""
