"""Consequences are folded into their cause: one damage, one finding."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from wan_healthd.domain.catalogue import (
    ALL_ZEROS,
    CHECKSUM_MISMATCH,
    FILE_EMPTY,
    FILE_TOO_LONG,
    FILE_TRUNCATED,
    HEADER_TOO_LARGE,
    PLACEHOLDER,
    SHAPES,
    TENSORS_ABSENT,
)
from wan_healthd.domain.finding_kind import FindingKind
from wan_healthd.domain.findings import Finding

_OF_HEADER = (PLACEHOLDER, *(kind for shape in SHAPES.values() for kind in shape.all))
_OF_CONTENT = (FILE_TRUNCATED, FILE_TOO_LONG, CHECKSUM_MISMATCH)


def _codes(*kinds: FindingKind) -> frozenset[str]:
    return frozenset(kind.code for kind in kinds)


CONSEQUENCES: dict[str, frozenset[str]] = {
    FILE_EMPTY.code: _codes(*_OF_HEADER, *_OF_CONTENT),
    ALL_ZEROS.code: _codes(*_OF_HEADER, *_OF_CONTENT),
    **{kind.code: _codes(*_OF_CONTENT) for kind in _OF_HEADER},
    FILE_TRUNCATED.code: _codes(HEADER_TOO_LARGE),
    FILE_TOO_LONG.code: _codes(HEADER_TOO_LARGE),
    CHECKSUM_MISMATCH.code: _codes(TENSORS_ABSENT, HEADER_TOO_LARGE),
}
"""Which findings on the same file are only consequences of another."""

DETAILED_BY: dict[str, str] = {
    FILE_EMPTY.code: FILE_TRUNCATED.code,
    **{shape.truncated.code: FILE_TRUNCATED.code for shape in SHAPES.values()},
    **{shape.malformed.code: CHECKSUM_MISMATCH.code for shape in SHAPES.values()},
}
"""Which consequence may know better where the damage is: unless the cause names tensors itself, it takes over its ranges,
tensors and cause."""


def fold(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Drop consequences; what they know of the place of the damage goes to their cause."""
    by_code = {finding.code: finding for finding in findings}
    swallowed = {code for cause in by_code for code in CONSEQUENCES.get(cause, frozenset())}
    return tuple(
        _with_details(finding, by_code.get(DETAILED_BY.get(finding.code, "")))
        for finding in findings
        if finding.code not in swallowed
    )


def _with_details(finding: Finding, details: Finding | None) -> Finding:
    if details is None or not details.ranges or finding.tensors:
        return finding
    return msgspec.structs.replace(finding, ranges=details.ranges, tensors=details.tensors, cause=details.cause)
