"""Which bytes are from now on expected at their path, and by whose word (requirement X6: nothing launders damage)."""

from __future__ import annotations

from collections.abc import Sequence

from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.fitting import fit_of


def vouched_by(evidence: FileEvidence, findings: Sequence[Finding]) -> VerifiedBy | None:
    """The authority by which the content that was read becomes what is expected; None if everything stays as it is.

    Bytes that fit a published digest are right, whatever was here before. Without one, the first bytes that were read whole and
    found without fault are the baseline, and the same bytes in a new state of the file (touched, copied back) move it there.
    """
    content, expectation = evidence.content, evidence.expectation
    if content is None or content.sha256 is None:
        return None
    proven = fit_of(evidence).proven_by
    if expectation is None:
        is_damaged = any(not finding.is_advice for finding in findings)
        return None if is_damaged else _best(proven, crc_checked=content.crc_checked)
    is_proven = proven is not VerifiedBy.NONE
    if not is_proven and content.matches is not True:
        return None
    authority = proven if is_proven else expectation.source
    is_news = expectation.identity != evidence.look.identity or authority is not expectation.source
    return authority if is_news else None


def _best(proven: VerifiedBy, *, crc_checked: bool) -> VerifiedBy:
    if proven is not VerifiedBy.NONE:
        return proven
    return VerifiedBy.ZIP_CRC if crc_checked else VerifiedBy.BASELINE
