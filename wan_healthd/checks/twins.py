"""Both experts of a model in one content: their sizes are equal shard by shard, so that nothing else tells it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from wan_healthd.domain.catalogue import EXPERTS_IDENTICAL
from wan_healthd.domain.evidence import ModelEvidence, Twins
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.paths import display


def check(evidence: ModelEvidence) -> Iterator[Finding]:
    """experts-identical, which is advice: each of the two files is sound by itself. One finding for all pairs."""
    if not evidence.twins:
        return
    first, *others = evidence.twins
    folder = posixpath.commonpath((posixpath.dirname(first.high), posixpath.dirname(first.low)))
    more = f" (and so do {len(others)} more pairs)" if len(others) > 1 else " (and so does one more pair)" if others else ""
    yield EXPERTS_IDENTICAL.at(
        evidence.path, high=_below(first.high, folder), low=_below(first.low, folder), more=more, which=_which(first, folder)
    )


def _which(twins: Twins, folder: bytes) -> str:
    if twins.proven is None:
        return "which is the wrong one nobody can tell without a published digest"
    wrong = twins.low if twins.proven == twins.high else twins.high
    return f"{_below(twins.proven, folder)} is right, so it is {_below(wrong, folder)} that must be replaced"


def _below(path: bytes, folder: bytes) -> str:
    return display(posixpath.relpath(path, folder))
