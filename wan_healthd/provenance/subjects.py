"""The way back: from the path of a source to what it speaks of. Nothing is looked at here.

`places` says where the sources of a file stand; this says whose source stands at a path, so that a source which appears,
changes or goes has its files judged again. Each rule here answers one there. To name too much is harmless: a file that did not
change is judged again without being read.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from wan_healthd.domain.paths import join
from wan_healthd.provenance import local_dir, sidecar

_CLIENT = b"/" + local_dir.FOLDER + b"/"
_OUTERMOST = posixpath.dirname(local_dir.FOLDER)
_NOTES = b"download/"
_TREE = re.compile(rb"trees/[0-9a-f]{40}\.json")
_REPOSITORY = re.compile(rb"(?P<folder>.*/models--[^/]+)/trees(?:/(?P<commit>[0-9a-f]{40})\.json)?", re.DOTALL)
_ABOVE_NOTES = (b"", b"download/", b"trees/")


class Subjects(Struct, frozen=True):
    """What a source speaks of: the file at `path`, or (`is_wide`) whatever is known at or below it."""

    path: bytes
    is_wide: bool = False


def of_source(path: bytes, manifests: Mapping[bytes, bytes]) -> tuple[Subjects, ...]:
    """What the file at `path` (absolute) speaks of; nothing where it is no source.

    Args:
        path: of the source.
        manifests: the model's path by each place where its stated manifest may lie (see `manifest_places`).
    """
    found = (*_of_note(path), *_of_cached_tree(path), *_of_checksums(path), *_of_manifest(path, manifests))
    return tuple(dict.fromkeys(found))


def of_folder(path: bytes) -> Subjects | None:
    """What the sources in a folder speak of that came, went or changed as a whole; None where it keeps none by its name.

    Of folders with models nothing is said: whatever lies in them is judged with them.
    """
    repository = _REPOSITORY.fullmatch(path)
    if repository is not None and repository["commit"] is None:
        return Subjects(repository["folder"] + b"/snapshots", is_wide=True)
    if posixpath.basename(path) == _OUTERMOST:  # the rest may have come with it
        return Subjects(posixpath.dirname(path), is_wide=True)
    top, mark, below = (path + b"/").rpartition(_CLIENT)
    if not mark:
        return None
    if below in _ABOVE_NOTES:
        return Subjects(top or b"/", is_wide=True)
    return Subjects(join(top, below[len(_NOTES) : -1]), is_wide=True) if below.startswith(_NOTES) else None


def manifest_places(path: bytes, manifest: bytes) -> frozenset[bytes]:
    """Where the manifest of the model at `path` lies: relative to it if it is a folder, beside it if it is a file."""
    return frozenset(posixpath.normpath(posixpath.join(base, manifest)) for base in (path, posixpath.dirname(path)))


def _of_note(path: bytes) -> Iterator[Subjects]:
    """What the hub's client keeps of a local folder: a note on one file, or the tree of a commit."""
    top, mark, below = path.rpartition(_CLIENT)
    if not mark:
        return
    name = below[len(_NOTES) : -len(local_dir.SUFFIX)]
    if below.startswith(_NOTES) and below.endswith(local_dir.SUFFIX) and posixpath.basename(name):
        yield Subjects(join(top, name))
    elif _TREE.fullmatch(below):
        yield Subjects(top or b"/", is_wide=True)


def _of_cached_tree(path: bytes) -> Iterator[Subjects]:
    tree = _REPOSITORY.fullmatch(path)
    if tree is not None and tree["commit"] is not None:
        yield Subjects(tree["folder"] + b"/snapshots/" + tree["commit"], is_wide=True)


def _of_checksums(path: bytes) -> Iterator[Subjects]:
    folder, name = posixpath.split(path)
    if name in sidecar.LISTS:
        yield Subjects(folder, is_wide=True)
    yield from (Subjects(path.removesuffix(end)) for end in sidecar.SUFFIXES if name.endswith(end) and name != end)


def _of_manifest(path: bytes, manifests: Mapping[bytes, bytes]) -> Iterator[Subjects]:
    model = manifests.get(path)
    if model is not None:
        yield Subjects(model, is_wide=True)
