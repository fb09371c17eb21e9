"""Shorter than it was, where the format itself cannot tell."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.domain.catalogue import FILE_TRUNCATED
from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.files import Presence
from wan_healthd.domain.findings import Finding


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """file-truncated: fewer bytes than expected, and what is left is the beginning of what was expected."""
    expectation, identity = evidence.expectation, evidence.look.identity
    if evidence.look.presence is not Presence.FILE or expectation is None or identity is None:
        return
    missing = expectation.size_bytes - identity.size_bytes
    if missing > 0 and not is_whole_in_itself(evidence) and not _is_other_content(evidence):
        yield FILE_TRUNCATED.at(
            evidence.path,
            missing=missing,
            actual=identity.size_bytes,
            expected=expectation.size_bytes,
            ranges=(ByteRange(identity.size_bytes, missing),),
        )


def is_whole_in_itself(evidence: FileEvidence) -> bool:
    """Whether the format vouches that nothing is missing: then a new size means another file, not a cut one."""
    return evidence.header is not None and evidence.header.fault is None and evidence.header.undecided is None


def _is_other_content(evidence: FileEvidence) -> bool:
    return evidence.content is not None and evidence.content.prefix_matches is False
