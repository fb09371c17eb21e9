"""All checks, in the order in which their findings are told. Add a check: write its file, name it here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wan_healthd.checks import (
    claims,
    companions,
    content,
    emptiness,
    folding,
    header,
    hub_reach,
    index_total,
    kind_in_place,
    misread_header,
    model_absence,
    model_unread,
    orphans,
    permissions,
    presence,
    read_errors,
    root_reach,
    sections,
    shard_tensors,
    shortness,
    twins,
    unjudged,
)
from wan_healthd.domain.evidence import FileEvidence, ModelEvidence
from wan_healthd.domain.findings import Finding

FILE_CHECKS: tuple[Callable[[FileEvidence], Iterator[Finding]], ...] = (
    presence.check,
    permissions.check,
    read_errors.check,
    emptiness.check,
    header.check,
    shortness.check,
    shard_tensors.check,
    content.check,
    misread_header.check,
    sections.check,
    claims.check,
    kind_in_place.check,
    index_total.check,
    unjudged.check,
)
MODEL_CHECKS: tuple[Callable[[ModelEvidence], Iterator[Finding]], ...] = (
    root_reach.check,
    model_absence.check,
    model_unread.check,
    hub_reach.check,
    companions.check,
    twins.check,
    orphans.check,
)


def judge_file(evidence: FileEvidence) -> tuple[Finding, ...]:
    """Everything that is to be said of one file; empty for a file that is fine."""
    return folding.fold([finding for check in FILE_CHECKS for finding in check(evidence)])


def judge_model(evidence: ModelEvidence) -> tuple[Finding, ...]:
    """What is to be said of a model beyond its single files."""
    return tuple(finding for check in MODEL_CHECKS for finding in check(evidence))
