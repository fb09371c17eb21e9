"""From a source's bytes to what it tells of one file.

The two halves are apart because one tree or list speaks of many files: its statements may be kept and asked again.
"""

from __future__ import annotations

from wan_healthd.domain.files import Presence, VerifiedBy
from wan_healthd.domain.findings import Finding
from wan_healthd.provenance import hf_tree, local_dir, manifest, sidecar
from wan_healthd.provenance.hf_tree import HfTree
from wan_healthd.provenance.local_dir import DownloadMetadata
from wan_healthd.provenance.manifest import Manifest
from wan_healthd.provenance.sidecar import Sidecar, Sums
from wan_healthd.provenance.sources import SourceFile, SourceKind, Subject, Told, Unusable
from wan_healthd.provenance.stated import unusable

Statements = HfTree | DownloadMetadata | Sidecar | Sums | Manifest
"""What a source says of all its files."""

_PARSERS = {
    SourceKind.MANIFEST: manifest.parse,
    SourceKind.HF_TREE: hf_tree.parse,
    SourceKind.DOWNLOAD_METADATA: local_dir.parse,
    SourceKind.SIDECAR: sidecar.parse_sidecar,
    SourceKind.SUMS: sidecar.parse_sums,
}

_OBSTACLES = {
    Presence.FOLDER: "it is a folder",
    Presence.ABSENT: "it is not there",
    Presence.DANGLING: "it is a link to a file that is not there",
    Presence.OUTSIDE: "it is a link that leads out of the watched folder",
    Presence.IRREGULAR: "it is not a regular file",
    Presence.FORBIDDEN: "it may not be read",
    Presence.UNREADABLE: "the storage does not give it",
}

_CURES = {
    Presence.ABSENT: "write it, or take it out of the configuration",
    Presence.FORBIDDEN: "let the daemon's user read it (the hub's client writes its trees for their owner only)",
    Presence.UNREADABLE: "look at the disk (`smartctl -a`, `journalctl -k`)",
}


def parse(source: SourceFile, data: bytes) -> Statements | Unusable:
    """What the source says, or why it cannot be used. `data` is all of it, cut one byte behind its limit."""
    if len(data) > source.limit_bytes:
        return Unusable(f"it is larger than {source.limit_bytes} bytes")
    return _PARSERS[source.kind](data)


def told(source: SourceFile, statements: Statements | Unusable, subject: Subject) -> Told:
    """What the source tells of the subject."""
    match statements:
        case HfTree():
            return hf_tree.told(statements, source, subject)
        case DownloadMetadata():
            return local_dir.told(statements, source, subject)
        case Sidecar():
            return sidecar.told_by_sidecar(statements, source, subject)
        case Sums():
            by = VerifiedBy.MANIFEST if source.kind is SourceKind.MANIFEST else VerifiedBy.SIDECAR
            return sidecar.told_by_sums(statements, by, source, subject)
        case Manifest():
            return manifest.told(statements, source, subject)
        case Unusable():
            return unusable(source.path, statements.reason)


def unread(source: SourceFile, presence: Presence, errno_name: str | None = None) -> tuple[Finding, ...]:
    """What to say of a source that could not be read: nothing where it is merely absent, unless it was stated."""
    if presence in (Presence.ABSENT, Presence.FILE) and errno_name is None and source.kind is not SourceKind.MANIFEST:
        return ()
    reason = _OBSTACLES.get(presence, "it could not be read") + (f" ({errno_name})" if errno_name is not None else "")
    return unusable(source.path, reason, _CURES.get(presence, "put it in order, or remove it")).findings
