"""What the hub listed for the repository that a model states, at the commit that was pinned.

The listing is kept in the form in which the hub's own client keeps it (see `hf_tree`), so that one parser reads both.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.hub import RepoEntry
from wan_healthd.domain.models import Model
from wan_healthd.provenance import hf_tree
from wan_healthd.provenance.hf_tree import HfTree, TreeEntry
from wan_healthd.provenance.in_repo import InRepo, path_in_repo
from wan_healthd.provenance.sources import NOT_TOLD, Subject, Told, Unusable
from wan_healthd.provenance.stated import Statement, as_told


class PinnedTree(Struct, frozen=True):
    """A repository ("ORG/NAME") as it was at one commit; that the branch moved on later changes nothing."""

    repo: str
    commit: str
    tree: HfTree
    paths: tuple[bytes, ...]


def document(files: Iterable[RepoEntry]) -> bytes:
    """The listing as it is kept."""
    entries = {
        item.path: TreeEntry(
            size=item.size_bytes,
            blob_id=item.blob_id,
            lfs_sha256=item.sha256,
            xet_hash="kept elsewhere" if item.is_elsewhere and item.sha256 is None else None,
        )
        for item in files
    }
    return msgspec.json.encode({"format_version": hf_tree.FORMAT_VERSION, "files": entries})


def pinned(repo: str, commit: str, body: bytes) -> PinnedTree | Unusable:
    """The tree in a document, or why it cannot be used."""
    tree = hf_tree.parse(body)
    return tree if isinstance(tree, Unusable) else PinnedTree(repo, commit, tree, tuple(tree.files))


def told(pin: PinnedTree, model: Model, subject: Subject) -> Told:
    """What the tree says of the subject; nothing of a snapshot of another commit."""
    place = path_in_repo(subject.path, model)
    if place.commit not in (None, pin.commit):
        return NOT_TOLD
    name = _name_in(pin, place, subject.path)
    if name is None:
        return NOT_TOLD
    entry = pin.tree.files[name]
    authority = f"the hub's list of {pin.repo} at commit {pin.commit[:7]}"
    return as_told(Statement(VerifiedBy.HUB, authority, entry.digest, entry.size), subject)


def _name_in(pin: PinnedTree, place: InRepo, path: bytes) -> bytes | None:
    """The subject's name in the tree; a single file may come from any folder of it, if only one has such a file."""
    if place.name is not None:
        return place.name if place.name in pin.tree.files else None
    base = posixpath.basename(path)
    named = [name for name in pin.paths if posixpath.basename(name) == base]
    return named[0] if len(named) == 1 else None
