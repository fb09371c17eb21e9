"""Nothing in it: no byte at all, or only zero bytes."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.checks.unjudged import NOT_WHOLE_YET
from wan_healthd.domain.catalogue import ALL_ZEROS, FILE_EMPTY
from wan_healthd.domain.evidence import FileEvidence, HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.files import Presence, Role
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.fitting import has_stated_size
from wan_healthd.formats.safetensors import FORMAT, LENGTH_BYTES

LOOKS_ZEROED = frozenset({"header-too-short", "zeros"})
"""Faults of formats whose header begins with no length; "zeros" was seen in samples only."""


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """file-empty; all-zeros, also without a read where the whole file is one hole (no block is allocated)."""
    identity = evidence.look.identity
    if evidence.look.presence is not Presence.FILE or identity is None or evidence.unjudged in NOT_WHOLE_YET:
        return
    if identity.size_bytes == 0:
        if _needs_content(evidence):
            yield FILE_EMPTY.at(evidence.path)
    elif _is_zero(evidence):
        yield ALL_ZEROS.at(evidence.path, ranges=(ByteRange(0, identity.size_bytes),))


def is_published_empty(evidence: FileEvidence) -> bool:
    """Whether there is nothing in the file because that is how it was published."""
    identity = evidence.look.identity
    return identity is not None and identity.size_bytes == 0 and has_stated_size(evidence)


def _needs_content(evidence: FileEvidence) -> bool:
    """Weights, and all that has a form, have content; another file may be empty by design, unless it was fuller before.

    That it was published empty counts more than all this.
    """
    if is_published_empty(evidence):
        return False
    expected = evidence.expectation.size_bytes if evidence.expectation is not None else 0
    has_form = evidence.header is not None or evidence.path.endswith(b".json")
    return evidence.role is Role.WEIGHTS or expected > 0 or has_form


def may_be_zeros(evidence: FileEvidence) -> bool:
    """Whether the header does not speak against a file of nothing but zeros: then only reading tells."""
    header = evidence.header
    if header is None:
        return False
    return _begins_with_zeros(header) or (header.fault is not None and header.fault.code in LOOKS_ZEROED)


def _is_zero(evidence: FileEvidence) -> bool:
    content, header = evidence.content, evidence.header
    if content is None:
        return evidence.is_one_hole and header is not None and _begins_with_zeros(header)
    # A read of a few blocks may have met zeros only; a sound header proves that there is more.
    return content.all_zero and (header is None or may_be_zeros(evidence))


def _begins_with_zeros(header: HeaderFacts) -> bool:
    """A safetensors header of length zero, which no valid file has, is one whose length bytes are all zero."""
    if header.fault is not None and header.fault.code == "zeros":
        return True
    return header.format == FORMAT and header.payload_offset == LENGTH_BYTES
