"""The header was read wrong once: the file is sound, memory or bus may not be."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.domain.catalogue import TRANSIENT_READ
from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.findings import Cause, Finding


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """transient-read, which is advice; content that was read wrong as well says it more exactly."""
    if evidence.header_misread:
        yield TRANSIENT_READ.at(evidence.path, cause=Cause.TRANSIENT, what="its header")
