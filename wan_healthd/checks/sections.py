"""Parts of the file do not fit the CRC-32 that the file itself carries for them (zip archives, as torch writes them)."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.checks.wording import blocks, tensors
from wan_healthd.domain.catalogue import CHECKSUM_MISMATCH
from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.extents import ByteRange, merge
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.fitting import is_proven

CURE = "fetch the file again; if it was made like this, accept it with `healthctl trust`"


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """checksum-mismatch, where no better authority has spoken: a baseline that differs names the very blocks."""
    content = evidence.content
    if content is None or not content.bad_sections or content.matches is not None or is_proven(evidence):
        return
    ranges = merge(ByteRange(section.offset, section.length) for section in content.bad_sections)
    names = tuple(section.name for section in content.bad_sections)
    yield CHECKSUM_MISMATCH.at(
        evidence.path,
        ranges=ranges,
        tensors=names,
        authority="own CRC-32",
        what=blocks(ranges) + tensors(names, len(names), in_header=False),
        why="two reads gave the same wrong bytes",
        cure=CURE,
    )
