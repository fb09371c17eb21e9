"""The root above the model cannot be looked at."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.domain.catalogue import ROOT_UNREACHABLE
from wan_healthd.domain.evidence import ModelEvidence
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.paths import display

WORDS = {
    "ENOENT": "it is not there",
    "ENOTDIR": "it is not a folder",
    "EACCES": "the daemon's user may not enter it",
    "ENOTCONN": "the file system behind it is dead",
    "ETIMEDOUT": "the file system behind it does not answer",
    "ESTALE": "the file system behind it is gone",
}


NOT_MOUNTED = "not-mounted"
"""Stands in the place of the system's error where a mount point is bare: the system sees no error in that."""


def root_finding(root: bytes, errno_name: str) -> Finding:
    """root-unreachable for a root that could not be listed, or for a bare mount point at or below one."""
    words = WORDS.get(errno_name)
    what = f"{words} ({errno_name})" if words else errno_name
    if errno_name == NOT_MOUNTED:
        what = "it is not mounted; the file system that its models were on is not there"
    return ROOT_UNREACHABLE.at(root, folder=display(root), what=what)


def check(evidence: ModelEvidence) -> Iterator[Finding]:
    """root-unreachable: the model's files are not missing, we only cannot see them."""
    if evidence.root_errno_name is not None:
        yield root_finding(evidence.root, evidence.root_errno_name)
