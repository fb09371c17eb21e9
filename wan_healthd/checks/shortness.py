"""Shorter than it was, where the format itself cannot tell."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.domain.catalogue import FILE_TRUNCATED
from wan_healthd.domain.evidence import FileEvidence, HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.files import Presence
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.fitting import has_stated_size, is_proven

CUT_FAULTS = frozenset({"truncated", "header-too-short"})
"""Faults that a header has because the file ends too early; losing its end gives a file no other one."""

WITHOUT_END = frozenset({"vocabulary"})
"""Formats whose files are sound wherever they are cut."""


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """file-truncated: fewer bytes than expected, and what is left is the beginning of what was expected."""
    expectation, identity = evidence.expectation, evidence.look.identity
    if evidence.look.presence is not Presence.FILE or expectation is None or identity is None:
        return
    if is_cut(evidence):
        missing = expectation.size_bytes - identity.size_bytes
        yield FILE_TRUNCATED.at(
            evidence.path,
            missing=missing,
            actual=identity.size_bytes,
            expected=expectation.size_bytes,
            by="",
            ranges=(ByteRange(identity.size_bytes, missing),),
        )


def is_cut(evidence: FileEvidence) -> bool:
    """Whether the file, as far as can be told, merely lost its end: it is shorter, and nothing says that it is another one."""
    expectation, identity, content = evidence.expectation, evidence.look.identity, evidence.content
    if expectation is None or identity is None or identity.size_bytes >= expectation.size_bytes:
        return False
    if has_stated_size(evidence) or is_proven(evidence):  # a shorter version was published
        return False
    return may_be_cut(evidence.header) and (content is None or content.prefix_matches is not False)


def may_be_cut(header: HeaderFacts | None) -> bool:
    """Whether the file may have lost its end.

    Not where the format vouches that nothing is missing, nor where it has a fault that no cut can cause.
    """
    if header is None or header.undecided is not None:
        return True
    if header.fault is None:
        return header.format in WITHOUT_END
    return header.fault.code in CUT_FAULTS
