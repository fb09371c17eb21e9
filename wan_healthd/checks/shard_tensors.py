"""A shard lacks tensors that its index places in it: loaders leave them empty without a word."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.checks.wording import tensors
from wan_healthd.domain.catalogue import TENSORS_ABSENT
from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.fitting import is_proven


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """tensors-absent, at the shard; two shards that were swapped have one each.

    Silent where the shard is as it should be: then it is the index that is wrong, and that is told of the index.
    """
    if not evidence.absent_tensors or _may_be_innocent(evidence):
        return
    total = evidence.absent_tensors_total
    what = tensors(evidence.absent_tensors, total, in_header=False).removeprefix(", touching ")
    yield TENSORS_ABSENT.at(evidence.path, what=what, tensors=evidence.absent_tensors)


def _may_be_innocent(evidence: FileEvidence) -> bool:
    if evidence.content is None:
        return evidence.expectation is not None or bool(evidence.claims)  # reading it will tell
    return evidence.content.matches is True or is_proven(evidence)
