"""The file is not there, or is no file."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.domain.catalogue import FILE_MISSING, LINK_OUTSIDE, NOT_A_FILE
from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.files import Presence
from wan_healthd.domain.findings import Finding


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """file-missing for what vanished or dangles, not-a-regular-file, link-leaves-root."""
    match evidence.look.presence:
        case Presence.ABSENT:
            what = "nothing is at its place" if evidence.known is None else "it was there when it was last checked"
            yield FILE_MISSING.at(evidence.path, what=what)
        case Presence.DANGLING:
            yield FILE_MISSING.at(evidence.path, what="the link is there, but what it points to is not")
        case Presence.FOLDER:
            yield NOT_A_FILE.at(evidence.path, what="folder")
        case Presence.IRREGULAR:
            yield NOT_A_FILE.at(evidence.path, what="FIFO, socket or device")
        case Presence.OUTSIDE:
            yield LINK_OUTSIDE.at(evidence.path)
        case Presence.FILE | Presence.FORBIDDEN | Presence.UNREADABLE:
            return
