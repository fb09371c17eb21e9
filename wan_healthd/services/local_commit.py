"""Which commit a model is of, as the hub's client noted it beside the files: a source without a revision means that one.

All calls block.
"""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from wan_healthd.domain.files import Presence
from wan_healthd.domain.ports import Files
from wan_healthd.domain.source_ref import COMMIT, SourceRef
from wan_healthd.layouts import hf_cache
from wan_healthd.provenance import local_dir
from wan_healthd.provenance.local_dir import DownloadMetadata
from wan_healthd.provenance.sources import LIMIT_BYTES, SourceKind

MOST_NOTES = 500
MOST_FOLDERS = 100
"""Of notes: Wan's repositories have some 50 files in 10 folders."""


class _Place(Struct, frozen=True):
    root: bytes
    path: bytes


def pinned_locally(files: Files, path: bytes, root: bytes, ref: SourceRef) -> SourceRef:
    """The source at the commit that was downloaded to `path`; as it is where it states a revision, or none was noted."""
    if ref.revision is not None:
        return ref
    commit = _of_cache(files, _Place(root, path)) or _of_notes(files, _Place(root, path))
    return ref if commit is None else replace(ref, revision=commit)


def _of_cache(files: Files, place: _Place) -> str | None:
    """The commit of a snapshot's own path, or the one that the cached repository calls "main"."""
    above, base = posixpath.split(place.path)
    if hf_cache.is_commit(base) and posixpath.basename(above) == hf_cache.SNAPSHOTS:
        return base.decode()
    if not base.startswith(hf_cache.PREFIX):
        return None
    main = files.read_small(place.root, place.path + b"/" + hf_cache.MAIN, hf_cache.MAX_REF_BYTES).data
    text = b"" if main is None else main.strip()
    return text.decode() if hf_cache.is_commit(text) else None


def _of_notes(files: Files, place: _Place) -> str | None:
    """The newest note's: an older one is of a file that a later download found unchanged, or never came by."""
    newest: DownloadMetadata | None = None
    for note in _notes(files, place):
        if note.commit is not None and (newest is None or note.timestamp_s > newest.timestamp_s):
            newest = note
    commit = None if newest is None or newest.commit is None else newest.commit.decode()
    return commit if commit is not None and COMMIT.fullmatch(commit) else None


def _notes(files: Files, place: _Place) -> Iterator[DownloadMetadata]:
    """A folder's notes are below it; a single file has its own, in its folder or any above it."""
    paths = _below(files, _Place(place.root, place.path + b"/" + local_dir.FOLDER + b"/download"))
    if files.look(place.root, place.path).presence is not Presence.FOLDER:
        paths = _above(place)
    for path, _ in zip(paths, range(MOST_NOTES), strict=False):
        data = files.read_small(place.root, path, LIMIT_BYTES[SourceKind.DOWNLOAD_METADATA]).data
        note = None if data is None else local_dir.parse(data)
        if isinstance(note, DownloadMetadata):
            yield note


def _below(files: Files, place: _Place) -> Iterator[bytes]:
    waiting, seen = deque([place.path]), 0
    while waiting and seen < MOST_FOLDERS:
        folder = waiting.popleft()
        seen += 1
        for entry in files.list_folder(place.root, folder).entries:
            path = folder + b"/" + entry.name
            if entry.look.presence is Presence.FOLDER and not entry.look.is_link:
                waiting.append(path)
            elif entry.name.endswith(local_dir.SUFFIX):
                yield path


def _above(place: _Place) -> Iterator[bytes]:
    folder = posixpath.dirname(place.path)
    while folder == place.root or folder.startswith(place.root.rstrip(b"/") + b"/"):
        yield local_dir.metadata_path(folder, place.path[len(folder.rstrip(b"/")) + 1 :])
        if folder == posixpath.dirname(folder):
            return
        folder = posixpath.dirname(folder)
