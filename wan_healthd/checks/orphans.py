"""Unfinished downloads that nobody goes on with: they take space, and are easily taken for the file itself."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.domain.amounts import duration_text, size_text
from wan_healthd.domain.catalogue import ORPHAN_PARTIAL
from wan_healthd.domain.evidence import ModelEvidence
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.partials import Orphans, Partial
from wan_healthd.domain.paths import display


def check(evidence: ModelEvidence) -> Iterator[Finding]:
    """orphan-partial for each of the largest, and one for all the others."""
    yield from orphan_findings(evidence.orphans, evidence.now_s)


def orphan_findings(orphans: Orphans, now_s: float) -> Iterator[Finding]:
    """What is to be said of them, largest first."""
    for partial in orphans.largest:
        what = f"{display(partial.path.rsplit(b'/', 1)[-1])} is an unfinished download or copy"
        yield ORPHAN_PARTIAL.at(partial.path, what=what, size=size_text(partial.size_bytes), age=_age(partial, now_s))
    others = orphans.total - len(orphans.largest)
    if others > 0:
        size_bytes = orphans.total_bytes - sum(partial.size_bytes for partial in orphans.largest)
        what = "1 more file is an unfinished download or copy" if others == 1 else f"{others} more files are unfinished"
        yield ORPHAN_PARTIAL.at(None, what=what, size=size_text(size_bytes), age="last written to more than a day ago")


def _age(partial: Partial, now_s: float) -> str:
    age_s = now_s - partial.written_s
    return f"last written to {duration_text(age_s)} ago" if age_s >= 0 else "with a time stamp in the future"
