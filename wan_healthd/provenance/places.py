"""Where claims about a file may stand, best authority first. Nothing is looked at here: most of these files are absent.

To open what is absent costs microseconds beside a model that is hashed for seconds, so no listing is asked for.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from wan_healthd.domain.models import Model
from wan_healthd.domain.paths import is_at_or_below
from wan_healthd.provenance import local_dir, sidecar
from wan_healthd.provenance.sources import SourceFile, SourceKind

MAX_FOLDERS = 16
"""So many folders above a file are looked into, nearest first."""

_SNAPSHOT = re.compile(rb"(?P<snapshot>(?P<repository>.*/models--[^/]+)/snapshots/(?P<commit>[0-9a-f]{40}))/.+", re.DOTALL)


class _Snapshot(NamedTuple):
    """The place of a file in the hub cache."""

    folder: bytes
    tree: bytes


def sources_for(path: bytes, model: Model, manifest: bytes | None = None) -> tuple[SourceFile, ...]:
    """The files to ask about the one at `path`, in the order of their authority.

    Args:
        path: absolute, below the model's path or equal to it; as it is named, with no link resolved.
        model: that it belongs to.
        manifest: as the configuration states it for this model: absolute, or relative to the model's folder.
    """
    snapshot = _snapshot(path)
    top = model.root
    if snapshot is not None and is_at_or_below(snapshot.folder, model.root):
        top = snapshot.folder
    sources = [
        *_manifest(path, model, manifest),
        *_cached_tree(path, model.root, snapshot),
        *(() if snapshot is not None else _download_metadata(path, model.root)),
        *_sidecars(path, model.root, top),
    ]
    return tuple(source for source in sources if source.path != path)


def _manifest(path: bytes, model: Model, manifest: bytes | None) -> Iterator[SourceFile]:
    """Names in it are relative to its own folder or, for one kept elsewhere, to the model's."""
    if manifest is None:
        return
    base = model.path if model.layout.is_folder else posixpath.dirname(model.path)
    place = posixpath.normpath(posixpath.join(base, manifest))
    folder = posixpath.dirname(place)
    bases = [folder] if folder == base else [folder, base]
    names = tuple(name for name in (_relative(path, below) for below in bases) if name is not None)
    root = model.root if is_at_or_below(place, model.root) else folder
    yield SourceFile(SourceKind.MANIFEST, place, root, (*names, path))


def _snapshot(path: bytes) -> _Snapshot | None:
    match = _SNAPSHOT.fullmatch(path)
    return (
        None if match is None else _Snapshot(match["snapshot"], match["repository"] + b"/trees/" + match["commit"] + b".json")
    )


def _cached_tree(path: bytes, root: bytes, snapshot: _Snapshot | None) -> Iterator[SourceFile]:
    if snapshot is None or not is_at_or_below(snapshot.tree, root):
        return
    yield SourceFile(SourceKind.HF_TREE, snapshot.tree, root, (path[len(snapshot.folder) + 1 :],))


def _download_metadata(path: bytes, root: bytes) -> Iterator[SourceFile]:
    """Any folder above the file may be the one that was downloaded to, also above the model (ComfyUI's `models`)."""
    for folder in _folders_above(path, root):
        relative = path[len(folder.rstrip(b"/")) + 1 :]
        yield SourceFile(SourceKind.DOWNLOAD_METADATA, local_dir.metadata_path(folder, relative), root, (relative,))


def _sidecars(path: bytes, root: bytes, top: bytes) -> Iterator[SourceFile]:
    """What lies beside the file, then the lists in each folder up to `top`."""
    for suffix in sidecar.SUFFIXES:
        yield SourceFile(SourceKind.SIDECAR, path + suffix, root, (posixpath.basename(path),))
    for folder in _folders_above(path, top):
        below = folder.rstrip(b"/") + b"/"
        for name in sidecar.LISTS:
            yield SourceFile(SourceKind.SUMS, below + name, root, (path[len(below) :], path))


def _folders_above(path: bytes, top: bytes) -> Iterator[bytes]:
    """The folders that hold the file, nearest first, up to `top`."""
    folder = posixpath.dirname(path)
    for _ in range(MAX_FOLDERS):
        if not is_at_or_below(folder, top):
            return
        yield folder
        if folder == posixpath.dirname(folder):
            return
        folder = posixpath.dirname(folder)


def _relative(path: bytes, folder: bytes) -> bytes | None:
    below = folder.rstrip(b"/") + b"/"
    return path[len(below) :] if path.startswith(below) else None
