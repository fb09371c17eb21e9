"""Mode or owner forbids reading, or read bits that were recorded are gone."""

from __future__ import annotations

from collections.abc import Iterator

from wan_healthd.domain.catalogue import PERMISSION_DENIED, READ_BITS_LOST
from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.files import Presence
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.identity import FileMode

READ_BITS = 0o444


def check(evidence: FileEvidence) -> Iterator[Finding]:
    """read-permission-lost where we know what the mode was (root can still read, others cannot), else permission-denied."""
    presence, now = evidence.look.presence, evidence.look.mode
    if presence not in (Presence.FILE, Presence.FORBIDDEN):
        return
    known = evidence.known.mode if evidence.known is not None else None
    if now is None:
        if presence is Presence.FORBIDDEN:
            what, cure = "a folder above it may not be entered", "let the daemon's user enter the folders above it"
            yield PERMISSION_DENIED.at(evidence.path, what=what, cure=cure)
    elif known is not None and known.mode & READ_BITS & ~now.mode:
        yield READ_BITS_LOST.at(evidence.path, was=f"{known.mode:04o}", now=f"{now.mode:04o}")
    elif presence is Presence.FORBIDDEN or not now.mode & READ_BITS:
        yield _denied(evidence.path, now)


def _denied(path: bytes, now: FileMode) -> Finding:
    """A file that nobody may read is told even where we could, as root: no loader can."""
    what = f"its mode is {now.mode:04o}, its owner {now.uid}:{now.gid}"
    if not now.mode & READ_BITS:
        return PERMISSION_DENIED.at(path, what=what, cure="give it read permission, as with `chmod 0644 FILE`")
    cure = "let the daemon's user read it: by its group, by an ACL, or by running the daemon with CAP_DAC_READ_SEARCH"
    return PERMISSION_DENIED.at(path, what=what, cure=cure)
