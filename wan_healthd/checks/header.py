"""A file's header and its size must agree; the rules and their sources are in `formats`."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.checks.cause import lasting_cause
from wan_healthd.checks.emptiness import is_published_empty
from wan_healthd.checks.shortness import CUT_FAULTS
from wan_healthd.checks.wording import tensors
from wan_healthd.domain.catalogue import FORMAT_UNKNOWN, HEADER_TOO_LARGE, PLACEHOLDER, shape_of
from wan_healthd.domain.evidence import Expectation, FileEvidence, HeaderFacts, HeaderFault
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.findings import Cause, Finding
from wan_healthd.domain.fitting import has_stated_size
from wan_healthd.domain.identity import FileIdentity

TRAILING_FAULT = "trailing-bytes"
UNKNOWN = "unknown-to-us"

HEADER_FIRST = ("safetensors", "gguf")
"""Formats whose headers begin the file; a zip's directory is at its end, and a JSON file is all header."""

LEAST_HEADER_BYTES = 8
"""What is certainly of the header where its length is not known."""


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """Something else in its place, truncated, trailing bytes, malformed, or not to be judged."""
    header, identity = evidence.header, evidence.look.identity
    if header is None or identity is None or is_published_empty(evidence):
        return
    if header.undecided == UNKNOWN:
        yield FORMAT_UNKNOWN.at(evidence.path, what=header.undecided_detail or header.format)
    elif header.undecided is not None:
        detail = header.undecided_detail or f"{identity.size_bytes} bytes"
        yield HEADER_TOO_LARGE.at(evidence.path, what=f"its header has {detail}" if detail[0].isdigit() else detail)
    elif header.fault is not None:
        yield _fault(evidence, header, header.fault, identity)


def _fault(evidence: FileEvidence, header: HeaderFacts, fault: HeaderFault, identity: FileIdentity) -> Finding:
    path, size_bytes, declared, expectation = evidence.path, identity.size_bytes, header.declared_bytes, evidence.expectation
    if header.impostor is not None:
        return PLACEHOLDER.at(path, what=fault.detail, ranges=(ByteRange(0, size_bytes),))
    if (expectation is not None and expectation.size_bytes == size_bytes) or has_stated_size(evidence):
        return _damaged_header(path, header, fault, identity, expectation)
    if fault.code in CUT_FAULTS:
        return _truncated(path, header, fault, size_bytes)
    if fault.code == TRAILING_FAULT and declared is not None:
        extra = size_bytes - declared
        what = f"{size_bytes} bytes instead of {declared} ({extra} behind its end)"
        return shape_of(header.format).trailing.at(path, what=what, ranges=(ByteRange(declared, extra),))
    return shape_of(header.format).malformed.at(path, what=fault.detail)


def _truncated(path: bytes, header: HeaderFacts, fault: HeaderFault, size_bytes: int) -> Finding:
    truncated = shape_of(header.format).truncated
    if header.declared_bytes is None:
        return truncated.at(path, what=fault.detail)
    missing = header.declared_bytes - size_bytes
    lost = tensors(header.lost_tensors, header.lost_tensors_total, in_header=False)
    what = f"{size_bytes} of {header.declared_bytes} bytes ({missing} missing){lost}"
    return truncated.at(path, what=what, ranges=(ByteRange(size_bytes, missing),), tensors=header.lost_tensors)


def _damaged_header(
    path: bytes, header: HeaderFacts, fault: HeaderFault, identity: FileIdentity, expectation: Expectation | None
) -> Finding:
    """The length is what it always was, so nothing was cut off or added: it is the header that changed."""
    contradicts = fault.code in CUT_FAULTS or fault.code == TRAILING_FAULT
    what = f"its size is right, so its header is wrong ({fault.detail})" if contradicts else fault.detail
    cause = Cause.REWRITTEN if expectation is None else lasting_cause(expectation, identity)
    if not header.format.startswith(HEADER_FIRST):
        return shape_of(header.format).malformed.at(path, what=what, cause=cause)
    end = header.payload_offset or LEAST_HEADER_BYTES
    # A header that ends behind the file has a wrong length; how long it really is nobody knows.
    ranges = (ByteRange(0, end if end <= identity.size_bytes else min(LEAST_HEADER_BYTES, identity.size_bytes)),)
    return shape_of(header.format).malformed.at(path, what=what, ranges=ranges, cause=cause)
