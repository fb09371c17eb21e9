"""An index states another sum of its tensors' bytes than its shards have: loaders do not look at it."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.domain.catalogue import INDEX_TOTAL_DIFFERS
from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.findings import Finding


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """index-total-differs, which is advice, at the index."""
    total = evidence.index_total
    if total is not None:
        yield INDEX_TOTAL_DIFFERS.at(evidence.path, stated=total.stated_bytes, actual=total.actual_bytes)
