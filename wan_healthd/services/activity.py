"""What is being read right now, for status and progress."""

from __future__ import annotations


class Activity:
    """Counts bytes as they are read, in all and for each file under way."""

    def __init__(self) -> None:
        self._total = 0
        self._by_path: dict[bytes, int] = {}

    @property
    def bytes_read(self) -> int:
        """Bytes read since the start."""
        return self._total

    @property
    def reading(self) -> tuple[bytes, ...]:
        """Files whose content is being read."""
        return tuple(self._by_path)

    def begin(self, path: bytes) -> None:
        """A read of `path` begins."""
        self._by_path[path] = 0

    def advance(self, path: bytes, count: int) -> None:
        """`count` more bytes of `path` are read."""
        self._total += count
        self._by_path[path] = self._by_path.get(path, 0) + count

    def end(self, path: bytes) -> None:
        """The read of `path` ended."""
        self._by_path.pop(path, None)
