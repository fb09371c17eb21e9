"""Checksum files beside models: `NAME.sha256` about one file, `SHA256SUMS` about the files below its folder."""

from __future__ import annotations

import posixpath
import re

from msgspec import Struct

from wan_healthd.domain.catalogue import SIDECAR_FOR_ANOTHER
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.paths import display
from wan_healthd.provenance import sum_lines
from wan_healthd.provenance.sources import MAX_CLAIMS, SourceFile, Subject, Told, Unusable
from wan_healthd.provenance.stated import Statement, as_told, together
from wan_healthd.provenance.sum_lines import SumLine

SUFFIXES = (b".sha256", b".sha256sum", b".sha256.txt")
LISTS = (b"SHA256SUMS", b"SHA256SUMS.txt", b"sha256sums", b"sha256sums.txt", b"sha256sum.txt", b"checksums.sha256")

_HERE = re.compile(rb"\A(?:\./+)++")
"""Any number of `./` in front of a name."""


class Sidecar(Struct, frozen=True):
    """The lines of a `NAME.sha256`."""

    lines: tuple[SumLine, ...]


class Sums(Struct, frozen=True):
    """The lines of a list by the names in them, without `./` in front."""

    by_name: dict[bytes, tuple[SumLine, ...]]


def parse_sidecar(data: bytes) -> Sidecar | Unusable:
    """The lines, or why there are none."""
    lines = sum_lines.parse(data)
    return lines if isinstance(lines, Unusable) else Sidecar(lines)


def parse_sums(data: bytes) -> Sums | Unusable:
    """The lines by name, or why there are none. A digest without a name is about nothing here."""
    lines = sum_lines.parse(data)
    if isinstance(lines, Unusable):
        return lines
    by_name: dict[bytes, list[SumLine]] = {}
    for line in lines:
        if line.name is not None:
            by_name.setdefault(_plain(line.name), []).append(line)
    if not by_name:
        return Unusable("no digest in it has a file name")
    return Sums({name: tuple(named) for name, named in by_name.items()})


def told_by_sidecar(sidecar: Sidecar, source: SourceFile, subject: Subject) -> Told:
    """What the lines for this file say: those without a name, and those whose name ends in the file's own.

    The folder in a name is where the digest was made, and means nothing here. A sidecar that speaks of other files only is
    never applied: it was renamed with its model, or not with it.
    """
    own = posixpath.basename(subject.path)
    lines = [line for line in sidecar.lines if line.name is None or posixpath.basename(line.name) == own]
    if lines:
        return _told_by_lines(lines, VerifiedBy.SIDECAR, source, subject)
    other = sidecar.lines[0].name or b""
    finding = SIDECAR_FOR_ANOTHER.at(subject.path, sidecar=display(source.path), other=display(other[-255:]))
    return Told(findings=(finding,))


def told_by_sums(sums: Sums, authority: VerifiedBy, source: SourceFile, subject: Subject) -> Told:
    """What the lines under the first of the subject's names that is listed say."""
    lines = next((sums.by_name[name] for name in source.names if name in sums.by_name), ())
    return _told_by_lines(lines, authority, source, subject)


def _told_by_lines(lines: tuple[SumLine, ...] | list[SumLine], by: VerifiedBy, source: SourceFile, subject: Subject) -> Told:
    """One claim for each different digest: lines that disagree contradict one another like any two sources."""
    distinct: dict[str, SumLine] = {}
    for line in lines:
        distinct.setdefault(line.digest, line)
    where = display(source.path)
    statements = [Statement(by, f"line {line.number} of {where}", line.digest) for line in list(distinct.values())[:MAX_CLAIMS]]
    return together([as_told(statement, subject) for statement in statements])


def _plain(name: bytes) -> bytes:
    return _HERE.sub(b"", name, count=1)
