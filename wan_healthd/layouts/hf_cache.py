"""The hub client's cache: `models--ORG--NAME/` with blobs, refs and snapshots (domain facts, section 2).

A model is one snapshot; its files are links to blobs, which are read once however many snapshots share them. The commit that
`refs/main` names (or the only one there) has the plain id `ORG/NAME`, any other `ORG/NAME@COMMIT`.
"""

from __future__ import annotations

import re

from msgspec import Struct

PREFIX = b"models--"
SNAPSHOTS = b"snapshots"
MAIN = b"refs/main"
MAX_REF_BYTES = 256
NO_MODELS = (b"datasets--", b"spaces--")
"""What the cache holds besides models."""

BESIDE_REPOS = frozenset({b"blobs", b"CACHEDIR.TAG", b"version.txt"})
"""The store that repositories share, and the cache's own marks, beside the repositories' folders."""

_PAYLOAD = re.compile(rb"(.*)/blobs/([0-9a-f]{2})/\2[0-9a-f]{62}", re.DOTALL)
_COMMIT = re.compile(rb"[0-9a-f]{40}")
_REPO = re.compile(rb"models--([A-Za-z0-9._-]+?)--([A-Za-z0-9._-]+)")
_BARE_REPO = re.compile(rb"models--([A-Za-z0-9._]+(?:-[A-Za-z0-9._]+)*)")


class Repo(Struct, frozen=True):
    """A repository in the cache: "ORG/NAME", what `refs/main` holds (maybe nothing), and the names below `snapshots`.

    `commits` None: the folder stands above `snapshots` still.
    """

    name: str
    main: bytes
    commits: frozenset[bytes] | None = None

    def id_of(self, commit: bytes) -> str | None:
        """The id of the snapshot in the folder of that name; None if it is none."""
        return id_of(self.name, commit, self.main, self.commits) if self.commits is not None and is_commit(commit) else None


def repo_of(folder_name: bytes, entries: frozenset[bytes]) -> str | None:
    """The repository whose cache this folder is ("ORG/NAME", or "NAME" for old ones without an owner); None if it is none."""
    if not folder_name.startswith(PREFIX) or not entries & {b"blobs", b"refs", SNAPSHOTS}:
        return None
    match = _REPO.fullmatch(folder_name)
    if match is not None:
        return f"{match[1].decode()}/{match[2].decode()}"
    bare = _BARE_REPO.fullmatch(folder_name)
    return None if bare is None else bare[1].decode()


def ignored_in(names: frozenset[bytes]) -> frozenset[bytes]:
    """Entries of the cache's own folder that are no models; nothing in any other folder."""
    if not any(name.startswith(PREFIX) for name in names):
        return frozenset()
    return names & BESIDE_REPOS | {name for name in names if name.startswith(NO_MODELS)}


def repo_of_blob(path: bytes) -> bytes | None:
    """The folder of the repository whose snapshots may link to the file at `path`; None if it is no blob of one."""
    folder, _, blob = path.rpartition(b"/blobs/")
    return folder if blob and b"/" not in blob and folder.rpartition(b"/")[2].startswith(PREFIX) else None


def cache_of_payload(path: bytes) -> bytes | None:
    """The cache whose repositories share the file at `path`; None if it is no payload of the shared store.

    Newer clients (huggingface_hub 2.4.0, `utils/_shared_blobs.py`) keep it as `blobs/XX/XET_HASH`; a repository's blob is then
    a link to it.
    """
    payload = _PAYLOAD.fullmatch(path)
    return None if payload is None else payload[1] or b"/"


def cache_of_snapshot(path: bytes) -> bytes | None:
    """The cache in which the snapshot at `path` lies; None if it is no snapshot."""
    repo, snapshots, _ = path.rpartition(b"/" + SNAPSHOTS + b"/")
    return repo.rpartition(b"/")[0] if snapshots else None


def is_commit(name: bytes) -> bool:
    """Whether a folder below `snapshots` is a commit's."""
    return _COMMIT.fullmatch(name) is not None


def id_of(repo: str, commit: bytes, main: bytes, commits: frozenset[bytes]) -> str:
    """The id of one snapshot.

    `main` is the content of `refs/main` (may be empty), `commits` are the names below `snapshots`.
    """
    chosen = main.strip()
    if commit == chosen or (chosen not in commits and len(commits) == 1):
        return repo
    return f"{repo}@{commit.decode('ascii', 'backslashreplace')}"
