"""How far a file that grows may be hashed already, and when it is not worth following any more: pure.

What is decided here saves work. It is not what makes a followed digest right: that is proven at the end (see `follow`).
"""

from __future__ import annotations

import errno

from msgspec import Struct

from wan_healthd.domain.digests import BLOCK_BYTES
from wan_healthd.domain.extents import ByteRange

MOST_IDLE_S = 60.0
"""Clients give up on a silent server after a minute. As long as a file is followed, its file system cannot be unmounted."""

MOST_REWRITES = 8
"""Looks in a row that may find a file written to and no longer: one may fall between a write's time stamp and its bytes, and
who fills reserved space in small steps needs several for a page."""


class GivenUp(OSError):
    """The file is not followed any more; it is read as any other."""

    def __init__(self, why: str) -> None:
        super().__init__(errno.ESTALE, why)


class Seen(Struct, frozen=True):
    """A look at the open file: its size, time of the last write, how many names it has, and what it takes on the disk."""

    size_bytes: int
    mtime_ns: int
    links: int
    allocated_bytes: int = 0


class Growth:
    """Follows one file from its first byte.

    Args:
        now_s: seconds that never jump.

    Attributes:
        done_bytes: what was hashed; whole blocks, until the end.
    """

    def __init__(self, now_s: float) -> None:
        self._last: Seen | None = None
        self._reach = 0
        self._grew_at_s = now_s
        self._rewrites = 0
        self.done_bytes = 0

    def may_have_holes(self, seen: Seen) -> bool:
        """Whether it must be asked for: not of a file that is appended to, and takes as much as it holds.

        The answer is worth sparing. The kernel gives it under a lock (ext4, `i_rwsem`) that the writer needs, too, and a thread
        that is last in line for the processors may hold that for long.
        """
        grows = self._last is not None and seen.size_bytes > self._last.size_bytes
        return not grows or seen.allocated_bytes < seen.size_bytes

    def look(self, seen: Seen, data_end: int, now_s: float) -> ByteRange:
        """What may be hashed now: whole blocks, not beyond `data_end`, where the first hole begins.

        A file whose space was reserved beforehand has its size from the beginning, and grows by where its hole begins. The
        block before that is left out: the page before a hole may be half filled.

        Raises:
            GivenUp: the file does not behave as one that is only appended to, or nothing comes any more.
        """
        last, self._last = self._last, seen
        self._refuse(seen, last)
        reach, before = min(seen.size_bytes, data_end), self._reach
        self._reach = max(reach, before)
        if last is None or seen.size_bytes > last.size_bytes or reach > before:
            self._grew_at_s, self._rewrites = now_s, 0
        elif seen.mtime_ns != last.mtime_ns:
            self._rewrites += 1
        else:
            self._rewrites = 0
        if self._rewrites >= MOST_REWRITES:
            raise GivenUp("it is written to and does not grow")
        if now_s - self._grew_at_s > MOST_IDLE_S:
            raise GivenUp("it grows no more")
        whole = reach // BLOCK_BYTES - (1 if reach < seen.size_bytes else 0)
        end = whole * BLOCK_BYTES
        return self._rest(max(end, self.done_bytes))

    def finish(self, seen: Seen) -> ByteRange:
        """All that is left, once nobody writes.

        Raises:
            GivenUp: the file shrank, or is gone.
        """
        self._refuse(seen, self._last)
        return self._rest(seen.size_bytes)

    def advance(self, hashed: ByteRange) -> None:
        """`hashed` begins where the last one ended."""
        if hashed.offset != self.done_bytes:
            raise ValueError("a file is hashed in order")
        self.done_bytes = hashed.end

    def _refuse(self, seen: Seen, last: Seen | None) -> None:
        if seen.links == 0:
            raise GivenUp("it was removed")
        if seen.size_bytes < max(self.done_bytes, 0 if last is None else last.size_bytes):
            raise GivenUp("it shrank")

    def _rest(self, end: int) -> ByteRange:
        return ByteRange(self.done_bytes, end - self.done_bytes)
