"""We could not look: never HEALTHY."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from wan_healthd.domain.catalogue import UNJUDGED
from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.findings import Finding


class Obstacle(Struct, frozen=True):
    """Why a file could not be judged, in words, and what helps."""

    what: str
    cure: str


OBSTACLES = {
    "changed-while-read": Obstacle(
        "it changes while it is read", "let its writer finish; it is judged by itself when it stands still"
    ),
    "worker-failed": Obstacle(
        "the reading process died over it",
        "try `healthctl check MODEL`; if it fails again, report the file and the journal",
    ),
    "reads-disagree": Obstacle(
        "each read gives other bytes", "test the memory (memtest86+) and look for bus errors (`journalctl -k`)"
    ),
    "in-flight": Obstacle(
        "its download is not finished: the control file of its downloader stands beside it",
        "let the download finish, or start it again so that it is taken up; if it is complete, remove the .aria2 file",
    ),
    "being-written": Obstacle(
        "it is not finished: somebody has it open for writing",
        "let its writer finish (`fuser -v FILE` shows it); it is judged as soon as it is closed",
    ),
    "worker-refused": Obstacle(
        "the system refused to have it examined", "see the cause in the message; try `healthctl check MODEL`"
    ),
}

NOT_WHOLE_YET = frozenset({"in-flight", "being-written"})
"""Obstacles of files that still come in."""


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """could-not-judge, with the obstacle."""
    if evidence.unjudged is None:
        return
    obstacle = OBSTACLES.get(evidence.unjudged, Obstacle(evidence.unjudged, "try `healthctl check MODEL`"))
    what = f"{obstacle.what} ({evidence.complaint})" if evidence.complaint else obstacle.what
    yield UNJUDGED.at(evidence.path, what=what, cure=obstacle.cure)
