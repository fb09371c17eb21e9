"""Unfinished files: downloads and copies that are under way, or that nobody goes on with."""

from __future__ import annotations

from msgspec import Struct

ORPHAN_AFTER_S = 24 * 3600.0
"""A download that wrote nothing for so long is given up.

Clients give up on a silent server within minutes and save their progress each minute (aria2); an interrupted one is taken up
again on the same day, or not at all.
"""


class Partial(Struct, frozen=True):
    """One unfinished file.

    `size_bytes` is what it takes on the disk, which says more than the size of a file whose space was reserved beforehand.
    `written_s` is when it was last written to, in seconds since 1970, by its own time stamp.
    """

    path: bytes
    size_bytes: int
    written_s: int


class Orphans(Struct, frozen=True):
    """Those of some unfinished files that nobody goes on with: the largest, and what there are in all."""

    largest: tuple[Partial, ...] = ()
    total: int = 0
    total_bytes: int = 0


def is_orphan(written_s: float, now_s: float) -> bool:
    """Whether nobody goes on with a file that was last written to then.

    A server's clock may be ahead of ours by a little; a time stamp far in the future is no proof that somebody writes.
    """
    return abs(now_s - written_s) >= ORPHAN_AFTER_S
