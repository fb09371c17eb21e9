"""Consequences are folded into their cause: one damage, one finding."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from wan_healthd.domain import catalogue
from wan_healthd.domain.findings import Finding

_OF_SHAPE = frozenset(
    {
        catalogue.SAFETENSORS_TRUNCATED.code,
        catalogue.SAFETENSORS_TRAILING.code,
        catalogue.SAFETENSORS_MALFORMED.code,
        catalogue.FILE_TRUNCATED.code,
        catalogue.CHECKSUM_MISMATCH.code,
    }
)
CONSEQUENCES: dict[str, frozenset[str]] = {
    catalogue.FILE_EMPTY.code: _OF_SHAPE,
    catalogue.ALL_ZEROS.code: _OF_SHAPE,
    catalogue.SAFETENSORS_TRUNCATED.code: frozenset({catalogue.FILE_TRUNCATED.code, catalogue.CHECKSUM_MISMATCH.code}),
    catalogue.FILE_TRUNCATED.code: frozenset({catalogue.SAFETENSORS_MALFORMED.code, catalogue.CHECKSUM_MISMATCH.code}),
    catalogue.SAFETENSORS_TRAILING.code: frozenset({catalogue.CHECKSUM_MISMATCH.code}),
    catalogue.SAFETENSORS_MALFORMED.code: frozenset({catalogue.CHECKSUM_MISMATCH.code}),
}
"""Which findings on the same file are only consequences of another."""


def fold(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Drop consequences; a cause without ranges of its own takes ranges, tensors and cause from what it swallows."""
    codes = {finding.code for finding in findings}
    swallowed = {code for cause in codes for code in CONSEQUENCES.get(cause, frozenset()) & codes}
    return tuple(_with_details(finding, findings) for finding in findings if finding.code not in swallowed)


def _with_details(finding: Finding, findings: Sequence[Finding]) -> Finding:
    mine = CONSEQUENCES.get(finding.code, frozenset())
    details = next((other for other in findings if other.code in mine and other.ranges), None)
    if details is None or finding.ranges:
        return finding
    return msgspec.structs.replace(finding, ranges=details.ranges, tensors=details.tensors, cause=details.cause)
