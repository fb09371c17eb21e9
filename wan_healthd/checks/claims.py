"""The content is not what others say that it should be."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.checks.content import CURES, SWAPPED, misplaced
from wan_healthd.checks.shortness import is_cut, may_be_cut
from wan_healthd.domain.catalogue import CHECKSUM_MISMATCH, FILE_TOO_LONG, FILE_TRUNCATED
from wan_healthd.domain.evidence import Claim, FileEvidence, HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.files import Presence
from wan_healthd.domain.findings import Cause, Finding
from wan_healthd.domain.fitting import fit_of

WHY = "these are other bytes than were published"


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """file-truncated or file-too-long by a stated size, also before the content is read; checksum-mismatch by a digest.

    Nothing where the baseline differs as well: it knows which bytes, and one damage is one finding.
    """
    identity = evidence.look.identity
    if evidence.look.presence is not Presence.FILE or identity is None or _differs_from_baseline(evidence):
        return
    found = fit_of(evidence)
    if found.wrong_size is not None and found.wrong_size.size_bytes is not None:
        yield _wrong_size(evidence, found.wrong_size, found.wrong_size.size_bytes, identity.size_bytes)
    elif found.wrong_digest is not None:
        yield _mismatch(evidence, found.wrong_digest, "its digest")


def _differs_from_baseline(evidence: FileEvidence) -> bool:
    return is_cut(evidence) or (evidence.content is not None and evidence.content.matches is False)


def _wrong_size(evidence: FileEvidence, claim: Claim, stated: int, actual: int) -> Finding:
    by = f", says {claim.authority}"
    if actual < stated and may_be_cut(evidence.header):
        missing = stated - actual
        lost = (ByteRange(actual, missing),)
        return FILE_TRUNCATED.at(evidence.path, missing=missing, actual=actual, expected=stated, by=by, ranges=lost)
    if actual > stated and _may_have_grown(evidence.header, stated):
        extra = actual - stated
        added = (ByteRange(stated, extra),)
        return FILE_TOO_LONG.at(evidence.path, extra=extra, actual=actual, expected=stated, by=by, ranges=added)
    return _mismatch(evidence, claim, f"its size ({actual} bytes instead of {stated})")


def _may_have_grown(header: HeaderFacts | None, stated: int) -> bool:
    """Whether the file may be the right one with something behind it: not where its format vouches for another length."""
    return header is None or header.undecided is not None or header.fault is not None or header.declared_bytes == stated


def _mismatch(evidence: FileEvidence, claim: Claim, what: str) -> Finding:
    """Nobody knows which bytes are wrong; a person is suspected before the disk (see `cause.lasting_cause`)."""
    authority = f"published content ({claim.authority})"
    cause = Cause.REWRITTEN
    why, cure = (WHY, CURES[cause]) if evidence.home is None else (misplaced(evidence.home), SWAPPED)
    return CHECKSUM_MISMATCH.at(evidence.path, cause=cause, authority=authority, what=what, why=why, cure=cure)
