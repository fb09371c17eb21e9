"""When bytes may become the baseline of their path (requirement X6: nothing launders damage)."""

from __future__ import annotations

from collections.abc import Sequence

from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.findings import Finding


def may_become_baseline(evidence: FileEvidence, findings: Sequence[Finding]) -> bool:
    """Only the first bytes that were read whole and found without fault, where nothing is expected yet."""
    content = evidence.content
    return (
        evidence.expectation is None
        and content is not None
        and content.sha256 is not None
        and not any(not finding.is_advice for finding in findings)
    )


def may_move_baseline(evidence: FileEvidence) -> bool:
    """The same bytes in a new state of the file (touched, copied back): from now on that state is the one to compare with."""
    content, expectation = evidence.content, evidence.expectation
    return (
        expectation is not None
        and content is not None
        and content.matches is True
        and content.sha256 is not None
        and expectation.identity != evidence.look.identity
    )
