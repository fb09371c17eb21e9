"""A safetensors header and the file's size must agree; see `formats.safetensors` for the rules and their source."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.domain.catalogue import (
    HEADER_TOO_LARGE,
    SAFETENSORS_MALFORMED,
    SAFETENSORS_TRAILING,
    SAFETENSORS_TRUNCATED,
)
from wan_healthd.domain.evidence import FileEvidence, HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.findings import Finding

FORMAT = "safetensors"


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """Truncated, trailing bytes, malformed, or too large to judge."""
    header, identity = evidence.header, evidence.look.identity
    if header is None or identity is None or header.format != FORMAT:
        return
    if header.undecided is not None:
        yield HEADER_TOO_LARGE.at(evidence.path, what=header.undecided_detail or f"{identity.size_bytes} bytes")
    elif header.fault is not None:
        yield _fault(evidence, header, identity.size_bytes)


def _fault(evidence: FileEvidence, header: HeaderFacts, size_bytes: int) -> Finding:
    fault, declared = header.fault, header.declared_bytes
    if fault is None:
        raise ValueError("only a faulty header has a fault")
    if _has_known_size(evidence, size_bytes):
        # The length is what it always was: nothing was cut off or added, so it is the header that is damaged.
        return SAFETENSORS_MALFORMED.at(evidence.path, what=fault.detail)
    if fault.code == "truncated":
        what = fault.detail if declared is None else f"{declared - size_bytes} of {declared} bytes are missing"
        ranges = () if declared is None else (ByteRange(size_bytes, declared - size_bytes),)
        return SAFETENSORS_TRUNCATED.at(evidence.path, what=what, ranges=ranges)
    if fault.code == "trailing-bytes" and declared is not None:
        extra = size_bytes - declared
        return SAFETENSORS_TRAILING.at(
            evidence.path, extra=extra, actual=size_bytes, expected=declared, ranges=(ByteRange(declared, extra),)
        )
    return SAFETENSORS_MALFORMED.at(evidence.path, what=fault.detail)


def _has_known_size(evidence: FileEvidence, size_bytes: int) -> bool:
    return evidence.expectation is not None and evidence.expectation.size_bytes == size_bytes
