"""Gathering evidence: what the store knows, what a look showed and what a read gave, put together for the checks. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from wan_healthd.checks.emptiness import may_be_zeros
from wan_healthd.checks.header import UNKNOWN
from wan_healthd.domain.catalogue import (
    ALL_ZEROS,
    CHECKSUM_MISMATCH,
    FILE_EMPTY,
    FILE_TOO_LONG,
    FILE_TRUNCATED,
    PLACEHOLDER,
    READ_ERROR,
    SHAPES,
    TENSORS_ABSENT,
    TRANSIENT_READ,
)
from wan_healthd.domain.comparison import blocks_of, runs_of
from wan_healthd.domain.evidence import FileEvidence, HeaderFacts, KnownFile
from wan_healthd.domain.files import FileLook, Presence
from wan_healthd.domain.findings import Cause, Finding
from wan_healthd.services.reading import CHANGED, Reading
from wan_healthd.store.records import PathState

INTERNAL = "internal-error"
"""The obstacle where an error of ours kept a file from being judged."""

IN_FLIGHT = "in-flight"
"""The obstacle where a file is still being fetched."""

BEING_WRITTEN = "being-written"
"""The obstacle where somebody has a new file open for writing."""

_OF_HEADER = (
    FILE_EMPTY,
    FILE_TOO_LONG,
    FILE_TRUNCATED,
    PLACEHOLDER,
    TENSORS_ABSENT,
    *(kind for shape in SHAPES.values() for kind in shape.all),
)
_REFUTED_BY_HEADER = frozenset(kind.code for kind in _OF_HEADER)
_REFUTED_BY_CONTENT = frozenset(kind.code for kind in (ALL_ZEROS, CHECKSUM_MISMATCH, READ_ERROR, TRANSIENT_READ))


def gather(
    state: PathState, look: FileLook, header: HeaderFacts | None = None, *, header_misread: bool = False
) -> FileEvidence:
    """What is known before any content was read."""
    record = state.record
    known = None
    if record.mode is not None and state.content is not None:
        known = KnownFile(state.content.identity.size_bytes, record.mode)
    return FileEvidence(
        path=record.path,
        role=record.role,
        look=look,
        known=known,
        expectation=None if state.expected is None else state.expected.expectation,
        header=header,
        header_misread=header_misread,
    )


def hindered(evidence: FileEvidence, obstacle: str, complaint: str = "") -> FileEvidence:
    """Content could not be looked at. Of a file that changed meanwhile, or will, not even header and size can be believed."""
    if obstacle in (CHANGED.obstacle, IN_FLIGHT, BEING_WRITTEN):
        return replace(
            evidence, header=None, expectation=None, claims=(), outdated_claims=(), unjudged=obstacle, complaint=complaint
        )
    return replace(evidence, unjudged=obstacle, complaint=complaint)


def with_reading(evidence: FileEvidence, reading: Reading, complaint: str) -> FileEvidence:
    """What is known after the content was read, or could not be."""
    if reading.obstacle is not None:
        return hindered(evidence, reading.obstacle, complaint)
    return replace(evidence, content=reading.content)


def still_standing(before: Sequence[Finding], evidence: FileEvidence, found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings of before that nothing refutes, since what would have shown them could not be looked at.

    Without them a damaged file that is made unreadable, or is written to all the time, would seem to have got better.
    """
    look = evidence.look.presence
    if look not in (Presence.FILE, Presence.FORBIDDEN, Presence.UNREADABLE):
        return ()
    if evidence.unjudged is None and look is Presence.FILE:
        return ()
    open_still = _REFUTED_BY_CONTENT if evidence.header is not None else _REFUTED_BY_CONTENT | _REFUTED_BY_HEADER
    again = {finding.code for finding in found}
    return tuple(finding for finding in before if finding.code in open_still - again)


def is_worth_reading(evidence: FileEvidence) -> bool:
    """A file that is broken by its header, with nothing to compare it with, need not be read, unless it may be all zeros.

    One whose form is merely unknown is read: its content is all that can be watched.
    """
    header = evidence.header
    faulty = header is not None and (header.fault is not None or header.undecided not in (None, UNKNOWN))
    is_comparable = evidence.expectation is not None or bool(evidence.claims)
    return not faulty or is_comparable or (may_be_zeros(evidence) and not evidence.is_one_hole)


def suspect_blocks(state: PathState) -> tuple[tuple[int, int], ...]:
    """Blocks whose damage was found by reading, and must be read again to be confirmed."""
    ranges = tuple(
        item
        for finding in state.findings
        if finding.code in {READ_ERROR.code, TRANSIENT_READ.code} or finding.cause is Cause.DISK
        for item in finding.ranges
    )
    return runs_of(blocks_of(ranges))
