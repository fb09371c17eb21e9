"""`trees/<commit>.json`: what `snapshot_download` of huggingface_hub 2.x knew of every file of a commit.

Format (huggingface_hub 2.4.0, `_tree_cache.py`): `{"format_version":1,"files":{PATH:{size,blob_id[,lfs_sha256,lfs_size,
xet_hash]}}}`. For a file in git-LFS, `blob_id` is the git SHA-1 of its *pointer*, never of its content. The client keeps no
digest of the listing itself and writes it with mode 0600, so another user's daemon may not be allowed to read it.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.paths import display
from wan_healthd.provenance.sources import NOT_TOLD, SourceFile, Subject, Told, Unusable
from wan_healthd.provenance.stated import Statement, as_told

FORMAT_VERSION = 1
MAX_ENTRIES = 100_000

COMMIT = re.compile(rb"[0-9a-f]{40}")
_NAME = re.compile(rb"(?:.*/)?([0-9a-f]{40})\.json")
_NOT_IN_GIT = frozenset({"", ".", ".."})
Bytes = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]


class TreeEntry(Struct, frozen=True):
    """One file of the commit, as it is written."""

    size: Bytes
    blob_id: str
    lfs_sha256: str | None = None
    lfs_size: Bytes | None = None
    xet_hash: str | None = None

    @property
    def digest(self) -> str | None:
        """The digest of the content, unchecked; None where only its pointer's is known."""
        if self.lfs_sha256 is not None:
            return self.lfs_sha256
        return self.blob_id if self.xet_hash is None else None


class HfTree(Struct, frozen=True):
    """The files of one commit by their paths."""

    files: dict[bytes, TreeEntry]


class _Version(Struct):
    format_version: msgspec.Raw


class _Document(Struct):
    files: dict[str, TreeEntry]


def parse(data: bytes) -> HfTree | Unusable:
    """The listing, or why it cannot be used. `data` is within the limit of its kind."""
    try:
        version = bytes(msgspec.json.decode(data, type=_Version).format_version)
        if version != b"%d" % FORMAT_VERSION:
            return Unusable(f"its format version {display(version[:20])} is unknown to this version of wan-healthd")
        document = msgspec.json.decode(data, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Unusable(f"it is not a listing of huggingface_hub ({error})")
    if len(document.files) > MAX_ENTRIES:
        return Unusable(f"it lists more than {MAX_ENTRIES} files")
    files: dict[bytes, TreeEntry] = {}
    for path, entry in document.files.items():
        if not may_be_in_git(path):
            return Unusable("it lists a path that no repository can hold")
        if entry.lfs_size not in (None, entry.size):
            return Unusable("it contradicts itself about a file's size")
        files[path.encode()] = entry
    return HfTree(files)


def may_be_in_git(path: str) -> bool:
    """Whether a git tree can hold this path: relative, without empty, `.` and `..` parts, without NUL."""
    return "\0" not in path and _NOT_IN_GIT.isdisjoint(path.split("/"))


def told(tree: HfTree, source: SourceFile, subject: Subject) -> Told:
    """What the listing says of the subject."""
    entry = next((tree.files[name] for name in source.names if name in tree.files), None)
    if entry is None:
        return NOT_TOLD
    named = _NAME.fullmatch(source.path)
    commit = f" of commit {named[1][:7].decode()}" if named is not None else ""
    authority = f"the tree{commit} in {display(source.path)}"
    return as_told(Statement(VerifiedBy.HF_TREE, authority, entry.digest, entry.size), subject)
