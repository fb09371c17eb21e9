"""What a visit to a folder looks at besides what is directly in it: a fingerprint of the folder has to cover that, too."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from wan_healthd.layouts import hf_cache, local_dir


def noted_in(path: bytes, folders: frozenset[bytes]) -> Iterator[bytes]:
    """Folders in which the hub's client keeps notes on what it fetched to the folder at `path`; `folders`: the plain ones."""
    place = path.rstrip(b"/") + b"/"
    if b".cache" in folders:
        yield place + local_dir.NOTES
        yield place + local_dir.TREES
    if b"trees" in folders and posixpath.basename(path).startswith(hf_cache.PREFIX):
        yield place + b"trees"


def looked_at(path: bytes, folders: frozenset[bytes]) -> Iterator[bytes]:
    """Places below the folder at `path`, relative to it, that layouts look at by name.

    `folders` are those directly in it, links to folders too. What is looked at directly in it is not told, nor what lies in
    hiding places (see `layouts.partials`) or among notes.
    """
    if posixpath.basename(path).startswith(hf_cache.PREFIX):
        yield hf_cache.MAIN
    if b".cache" in folders:
        yield local_dir.NOTES
