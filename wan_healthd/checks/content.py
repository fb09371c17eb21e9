"""The content is not what it should be."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.checks.cause import cause_of
from wan_healthd.checks.shortness import is_cut
from wan_healthd.checks.wording import blocks, tensors
from wan_healthd.domain.catalogue import CHECKSUM_MISMATCH, TRANSIENT_READ
from wan_healthd.domain.digests import BLOCK_BYTES
from wan_healthd.domain.evidence import ContentReading, Expectation, FileEvidence
from wan_healthd.domain.extents import ByteRange, merge
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.findings import Cause, Finding
from wan_healthd.domain.fitting import is_proven
from wan_healthd.domain.identity import FileIdentity
from wan_healthd.domain.paths import display

CURES = {
    Cause.DISK: "fetch the file again and look at the disk (`smartctl -a`): it changed these bytes by itself",
    Cause.REWRITTEN: "if you changed the file on purpose, accept it with `healthctl trust`; otherwise fetch it again",
}
SWAPPED = (
    "if the two were swapped, rename each to the other's name; if one was copied over the other, fetch this file again;"
    " if that was meant, accept it with `healthctl trust`"
)
REASONS = {
    Cause.DISK: "nobody wrote to it, so the disk changed it",
    Cause.REWRITTEN: "somebody wrote to it",
}


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """checksum-mismatch with ranges, tensors and cause; transient-read, which is advice, where the second read was right."""
    content, expectation, identity = evidence.content, evidence.expectation, evidence.look.identity
    if content is None or expectation is None or identity is None or content.matches is not False:
        return
    if is_proven(evidence):  # other bytes than before, and they are right
        return
    cause = cause_of(content, expectation, identity)
    if cause is Cause.TRANSIENT:
        yield TRANSIENT_READ.at(evidence.path, ranges=content.differing, cause=cause, what=blocks(content.differing))
    elif not is_cut(evidence):  # told by `shortness`, as an incomplete download
        yield _mismatch(evidence, content, expectation, identity, cause)


def _mismatch(
    evidence: FileEvidence, content: ContentReading, expectation: Expectation, identity: FileIdentity, cause: Cause
) -> Finding:
    ranges = content.second.still_differing if content.second is not None else content.differing
    if identity.size_bytes != expectation.size_bytes:
        ranges = merge((*ranges, _incomparable(expectation.size_bytes, identity.size_bytes)))
    what = blocks(ranges) if ranges else "its digest"
    if identity.size_bytes != expectation.size_bytes:
        what += f", with {identity.size_bytes} bytes instead of {expectation.size_bytes}"
    what += tensors(content.tensors, content.tensors_total, in_header=content.in_header)
    return CHECKSUM_MISMATCH.at(
        evidence.path,
        ranges=ranges,
        tensors=content.tensors,
        cause=cause,
        authority=_authority(expectation.source),
        what=what,
        why=REASONS[cause] + _instability(content) if evidence.home is None else misplaced(evidence.home),
        cure=CURES[cause] if evidence.home is None else SWAPPED,
    )


def misplaced(home: bytes) -> str:
    """Why content differs that belongs at `home`."""
    return f"it holds what belongs to {display(home)}: the two were swapped, or one was copied over the other"


def _incomparable(expected_bytes: int, actual_bytes: int) -> ByteRange:
    """What stands behind the last block that both sizes have whole: nothing vouches for a byte of it."""
    offset = min(expected_bytes, actual_bytes) // BLOCK_BYTES * BLOCK_BYTES
    return ByteRange(offset, actual_bytes - offset)


def _authority(source: VerifiedBy) -> str:
    return "baseline" if source in (VerifiedBy.BASELINE, VerifiedBy.ZIP_CRC) else f"expected digest ({source})"


def _instability(content: ContentReading) -> str:
    if content.second is None or content.second.same_bytes:
        return ""
    return ", and two reads gave different bytes"
