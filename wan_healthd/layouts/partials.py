"""Where unfinished files are, and which: in a folder's listing, and in places that a sweep for models does not enter."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator

from wan_healthd.domain.files import Entry, Listing, Presence
from wan_healthd.domain.partials import Partial
from wan_healthd.domain.paths import join
from wan_healthd.layouts import hf_cache, local_dir
from wan_healthd.layouts.names import CONTROL_SUFFIX, OWN_FOLDER, in_flight, is_unfinished

LAST_S = 253_402_300_799
"""The end of year 9999: some file systems keep time stamps beyond it."""


def unfinished(listing: Listing, whole: Collection[bytes] = ()) -> Iterator[Partial]:
    """The unfinished files directly in the folder.

    Args:
        listing: of the folder.
        whole: names of files that are known to have been whole: beside one of them, a control file was only left behind.
    """
    files = {entry.name: entry for entry in listing.entries if _is_file(entry)}
    fetched = in_flight(files).difference(whole)
    for name, entry in files.items():
        path = join(listing.path, name)
        if name in fetched:
            yield _partial(path, entry, files[name + CONTROL_SUFFIX])
        elif is_unfinished(name) and not (name.endswith(CONTROL_SUFFIX) and name.removesuffix(CONTROL_SUFFIX) in fetched):
            yield _partial(path, entry)


def hiding_places(listing: Listing) -> Iterator[bytes]:
    """Folders below the listed one in which the hub's client keeps what it has not finished."""
    return hidden_in(listing.path, frozenset(entry.name for entry in listing.entries if is_plain_folder(entry)))


def hidden_in(path: bytes, folders: frozenset[bytes]) -> Iterator[bytes]:
    """As `hiding_places`, of the folder at `path` with these plain folders in it."""
    place = path.rstrip(b"/") + b"/"
    is_cache = b"blobs" in hf_cache.ignored_in(folders)
    if b"blobs" in folders and (is_cache or hf_cache.repo_of(posixpath.basename(path), folders) is not None):
        yield place + b"blobs"
    if b".cache" in folders:
        yield place + local_dir.NOTES


def is_plain_folder(entry: Entry) -> bool:
    """Whether it is a folder by itself, not by a link, and none of ours."""
    return entry.look.presence is Presence.FOLDER and not entry.look.is_link and entry.name != OWN_FOLDER


def _is_file(entry: Entry) -> bool:
    return entry.look.presence is Presence.FILE and not entry.look.is_link


def _partial(path: bytes, *parts: Entry) -> Partial:
    """One download, of which each part is a file: it was written to when the last of them was."""
    size_bytes = sum(part.look.allocated_bytes or 0 for part in parts)
    written_s = max(part.look.identity.mtime_ns // 10**9 for part in parts if part.look.identity is not None)
    return Partial(path, size_bytes, min(max(written_s, 0), LAST_S))
