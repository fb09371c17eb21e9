"""git-LFS pointers: a hundred bytes of text that stand in a clone for a large file, and say what its digest and size are.

Source: git-lfs, docs/spec.md: UTF-8 lines `key value`, ended by a single newline each; `version` first, the other keys sorted;
below 1,024 bytes in all.
"""

from __future__ import annotations

import re
from itertools import pairwise

from wan_healthd.domain.evidence import LfsPointer

FIRST_LINE = b"version https://git-lfs.github.com/spec/v1"
_OLD_FIRST_LINES = (b"version https://hawser.github.com/spec/v1", b"version http://git-media.io/v/2")
MAX_POINTER_BYTES = 1023
SENTINELS = frozenset({"0" * 64, "f" * 64, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"})
"""Digests that programs write when they have none; the last is that of an empty file."""

_POINTER = re.compile(
    re.escape(FIRST_LINE) + rb"\n"
    rb"(?P<extensions>(?:ext-[0-9]-[a-z0-9.-]+ [^\r\n]+\n)*+)"
    rb"oid sha256:(?P<sha256>[0-9a-f]{64})\n"
    rb"size (?P<size>0|[1-9][0-9]{0,18})\n"
)


def is_pointer(head: bytes) -> bool:
    """Whether the file means to be a pointer, of whatever age and however broken."""
    first, _, _ = head.partition(b"\n")
    return first.rstrip(b"\r") in (FIRST_LINE, *_OLD_FIRST_LINES)


def read_pointer(content: bytes, size_bytes: int) -> LfsPointer | None:
    """What the pointer promises; None where it is not exactly as the specification demands, or names a sentinel digest.

    Args:
        content: the file's first bytes, all of them if there are at most `MAX_POINTER_BYTES`.
        size_bytes: the file's size.
    """
    match = _POINTER.fullmatch(content) if size_bytes <= MAX_POINTER_BYTES else None
    if match is None or not _is_sorted(match["extensions"]):
        return None
    sha256, size = match["sha256"].decode(), int(match["size"])
    return None if sha256 in SENTINELS or size >= 1 << 63 else LfsPointer(sha256=sha256, size_bytes=size)


def _is_sorted(extensions: bytes) -> bool:
    keys = [line.split(b" ", 1)[0] for line in extensions.splitlines()]
    return all(earlier < later for earlier, later in pairwise(keys))
