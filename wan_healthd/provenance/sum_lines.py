r"""The syntax of checksum lists: GNU coreutils `sha256sum`, its `--tag` (BSD) form, and `openssl dgst -sha256`.

Both forms escape: a line that begins with a backslash has `\\`, `\n` and `\r` in its name for a backslash, a newline and a
carriage return (coreutils, `md5sum` manual). Only SHA-256 is taken; other digests in a mixed list are passed over.
"""

from __future__ import annotations

import re

from msgspec import Struct

from wan_healthd.provenance.sources import Unusable

MAX_LINES = 100_000
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")

_GNU = re.compile(rb"(?P<escaped>\\?)(?P<digest>[0-9a-fA-F]{64})[ \t][ *]?(?P<name>[^\n]+)", re.DOTALL)
_BSD = re.compile(rb"(?P<escaped>\\?)SHA(?:2-)?256 ?\((?P<name>.+)\) ?= ?(?P<digest>[0-9a-fA-F]{64})\s*", re.DOTALL)
_BARE = re.compile(rb"(?P<digest>[0-9a-fA-F]{64})\s*")
_ESCAPE = re.compile(rb"\\(.?)", re.DOTALL)
_UNESCAPED = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}
_STANDARD_INPUT = b"-"


class SumLine(Struct, frozen=True):
    """One line: its number from 1, the digest in lower-case hex, and the name it is for; None where it stands alone."""

    number: int
    digest: str
    name: bytes | None


def parse(data: bytes) -> tuple[SumLine, ...] | Unusable:
    """All lines that give a SHA-256, or why there are none. Comments (`#`), empty and other lines are passed over."""
    if data.startswith(UTF16_MARKS):
        return Unusable("it is written in UTF-16; it must be plain text, as `sha256sum` writes it")
    if data.count(b"\n") >= MAX_LINES:
        return Unusable(f"it has more than {MAX_LINES} lines")
    found: list[SumLine] = []
    for number, raw in enumerate(data.removeprefix(UTF8_MARK).split(b"\n"), 1):
        line = _line(number, raw.removesuffix(b"\r"))
        if line is not None:
            found.append(line)
    return tuple(found) or Unusable("it has no line with a SHA-256 in it")


def _line(number: int, text: bytes) -> SumLine | None:
    if text.startswith(b"#"):
        return None
    if (bare := _BARE.fullmatch(text)) is not None:
        return SumLine(number, bare["digest"].decode().lower(), None)
    match = _GNU.fullmatch(text) or _BSD.fullmatch(text)
    if match is None:
        return None
    name = _unescape(match["name"]) if match["escaped"] else match["name"]
    if name is None:
        return None
    return SumLine(number, match["digest"].decode().lower(), None if name == _STANDARD_INPUT else name)


def _unescape(name: bytes) -> bytes | None:
    """The name as it is; None where an escape is none that coreutils write."""
    if any(escape not in _UNESCAPED for escape in _ESCAPE.findall(name)):
        return None
    return _ESCAPE.sub(lambda match: _UNESCAPED[match[1]], name)
