"""Where some content belongs: the other files that a source names with this digest."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from wan_healthd.domain.models import Model
from wan_healthd.provenance.hf_tree import HfTree
from wan_healthd.provenance.hub import PinnedTree
from wan_healthd.provenance.in_repo import path_in_repo
from wan_healthd.provenance.manifest import Manifest
from wan_healthd.provenance.sidecar import Sums
from wan_healthd.provenance.sources import SourceFile, SourceKind, Subject, Unusable
from wan_healthd.provenance.telling import Statements


def homes(statements: Statements | Unusable, source: SourceFile, subject: Subject, sha256: str) -> Iterator[bytes]:
    """Absolute paths, other than the subject's, of which the source says that their SHA-256 is this one (lower-case hex).

    They are to be told and compared, never opened: an attacker may have written them. A name that leaves its folder is none.
    """
    base = next((subject.path[: -len(name)] for name in source.names if subject.path.endswith(b"/" + name)), None)
    for name in _names(statements, sha256):
        path = posixpath.join(base or b"", name)
        if path != subject.path and path.startswith(b"/") and posixpath.normpath(path) == path:
            yield path


def homes_at_hub(pin: PinnedTree, model: Model, subject: Subject, sha256: str) -> Iterator[bytes]:
    """As `homes`, by the word of a pinned tree."""
    place = path_in_repo(subject.path, model)
    if place.name is not None and place.commit in (None, pin.commit):
        yield from homes(pin.tree, SourceFile(SourceKind.HF_TREE, b"", model.root, (place.name,)), subject, sha256)


def _names(statements: Statements | Unusable, sha256: str) -> Iterator[bytes]:
    match statements:
        case HfTree():
            yield from (name for name, entry in statements.files.items() if (entry.digest or "").lower() == sha256)
        case Manifest():
            yield from (name for name, entry in statements.entries.items() if (entry.sha256 or "").lower() == sha256)
        case Sums():
            yield from (name for name, lines in statements.by_name.items() if any(line.digest == sha256 for line in lines))
        case _:
            return
