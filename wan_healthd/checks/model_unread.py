"""Some files of the model were never read: nothing can be said of it yet."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.domain.catalogue import NOT_YET_READ
from wan_healthd.domain.evidence import ModelEvidence
from wan_healthd.domain.findings import Finding


def check(evidence: ModelEvidence) -> Iterator[Finding]:
    """not-yet-read, which keeps the model UNKNOWN."""
    if evidence.files_unread:
        yield NOT_YET_READ.at(None, count=evidence.files_unread, total=evidence.files_expected)
