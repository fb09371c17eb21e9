"""Whether the write-ahead log that a crash left is whole, as far as it was ever promised to be.

SQLite takes a log up to its first wrong frame and drops the rest without a word: right for the last commit, which a power cut
tore, and wrong for a log that rotted, whose later commits were told to clients. Format: sqlite.org/fileformat2.html#walformat.
"""

from __future__ import annotations

import os
import struct
import sys
from array import array
from collections.abc import Iterator
from typing import BinaryIO

from msgspec import Struct

MAGIC = {0x377F0682: "little", 0x377F0683: "big"}
HEADER = struct.Struct(">8I")
FRAME = struct.Struct(">6I")
MOST_BYTES = 64 << 20
"""A longer log is taken on SQLite's word: looking at it all takes 20 ms for each MiB."""

Sum = tuple[int, int]


class _Frame(Struct, frozen=True):
    """`is_right`: its checksum goes on from the frame before. `is_commit`: a transaction ends with it."""

    is_right: bool
    is_commit: bool


def log_fault(file: bytes) -> str | None:
    """What is wrong with the log beside the database; None if nothing is, or there is none.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with open(file + b"-wal", "rb") as log:
            size = os.fstat(log.fileno()).st_size
            return _fault(log) if HEADER.size < size <= MOST_BYTES else None
    except FileNotFoundError:
        return None


def _fault(log: BinaryIO) -> str | None:
    head = log.read(HEADER.size)
    magic, _, page_bytes, _, *salts, sum_0, sum_1 = HEADER.unpack(head)
    order = MAGIC.get(magic)
    # It is synced before the first frame is written: where there are frames, it was whole once.
    if order is None or _sum(head[:24], order, (0, 0)) != (sum_0, sum_1) or not _is_page_size(page_bytes):
        return "the head of its log is not what was written"
    lost = 0
    is_broken = False
    for frame in _frames(log, order, page_bytes, tuple(salts), (sum_0, sum_1)):
        is_broken = is_broken or not frame.is_right
        lost += is_broken and frame.is_commit
    # One commit behind the break may be the last one, which never reached the disk. Of two, the first was promised.
    return "its log is damaged before its last commits" if lost > 1 else None


def _frames(log: BinaryIO, order: str, page_bytes: int, salts: tuple[int, ...], running: Sum) -> Iterator[_Frame]:
    """The frames of this log's present round; what an earlier round left has other salts."""
    is_right = True
    while len(frame := log.read(FRAME.size + page_bytes)) == FRAME.size + page_bytes:
        _, pages, *own_salts, sum_0, sum_1 = FRAME.unpack_from(frame)
        if tuple(own_salts) != salts:
            is_right = False
            continue
        if is_right:
            running = _sum(frame[FRAME.size :], order, _sum(frame[:8], order, running))
            is_right = running == (sum_0, sum_1)
        yield _Frame(is_right, pages > 0)


def _sum(data: bytes, order: str, start: Sum) -> Sum:
    """The log's checksum over pairs of 32-bit words."""
    words = array("I", data)
    if order != sys.byteorder:
        words.byteswap()
    first, second = start
    pairs = iter(words)
    for even, odd in zip(pairs, pairs, strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def _is_page_size(number: int) -> bool:
    return 512 <= number <= 1 << 16 and number & (number - 1) == 0  # noqa: PLR2004 - SQLite's limits
