"""A shard lacks tensors that its index places in it: loaders leave them empty without a word."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.checks.wording import tensors
from wan_healthd.domain.catalogue import TENSORS_ABSENT
from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.findings import Finding


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """tensors-absent, at the shard; two shards that were swapped have one each."""
    if evidence.absent_tensors:
        total = evidence.absent_tensors_total
        what = tensors(evidence.absent_tensors, total, in_header=False).removeprefix(", touching ")
        yield TENSORS_ABSENT.at(evidence.path, what=what, tensors=evidence.absent_tensors)
