"""A stated model of which nothing was ever seen."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.domain.catalogue import MODEL_MISSING
from wan_healthd.domain.evidence import ModelEvidence
from wan_healthd.domain.findings import Finding


def check(evidence: ModelEvidence) -> Iterator[Finding]:
    """model-missing; a model whose files were seen and vanished has file-missing findings for each of them instead."""
    if evidence.stated and evidence.files_expected == 0 and evidence.root_errno_name is None:
        yield MODEL_MISSING.at(evidence.path, what="the configuration expects it here")
