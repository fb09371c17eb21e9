"""Files as they are found on disk: looks, listings, and their place in a model."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from wan_healthd.domain.identity import FileIdentity, FileMode


class Presence(StrEnum):
    """What stands at a path. Symbolic links are followed inside the root, never out of it."""

    FILE = "file"
    FOLDER = "folder"
    ABSENT = "absent"
    DANGLING = "dangling"
    """A link whose target is not there."""
    OUTSIDE = "outside"
    """A link that leads out of the root."""
    IRREGULAR = "irregular"
    """A FIFO, socket or device: never opened."""
    FORBIDDEN = "forbidden"
    """Mode or owner forbids to look or to read."""
    UNREADABLE = "unreadable"
    """The storage answered with an error."""


class FileLook(Struct, frozen=True):
    """One look at a path without reading content.

    `identity` and `mode` are of the link's target and stand wherever `stat` worked, also for FORBIDDEN files that could not be
    opened. `errno_name` ("EIO") is set where the system refused. `allocated_bytes` below the size means holes.
    `is_link` tells whether the path itself is a symbolic link.
    """

    presence: Presence
    identity: FileIdentity | None = None
    mode: FileMode | None = None
    allocated_bytes: int | None = None
    errno_name: str | None = None
    is_link: bool = False


class Entry(Struct, frozen=True):
    """One name in a folder."""

    name: bytes
    look: FileLook


class Listing(Struct, frozen=True):
    """A folder's entries, sorted by name; `errno_name` is set, and entries may be missing, where it could not be listed."""

    path: bytes
    entries: tuple[Entry, ...]
    errno_name: str | None = None


class Fingerprint(Struct, frozen=True):
    """A folder in one value: while it stays the same, so do the names, types and identities of all that is directly in it.

    Args:
        path: of the folder.
        digest: of its file system and own identity, of each file's name and identity, of each sub-folder's name and inode, and
            of each link with what it leads to.
        entries: how many there are.
        folders: names of the sub-folders that are no links, sorted.
        linked: names of the links that lead to folders or out of the root, sorted.
        newest_ns: when the folder, or anything in it, changed last (ctime).
        errno_name: set where not everything could be looked at; then the digest says nothing.
    """

    path: bytes
    digest: bytes = b""
    entries: int = 0
    folders: tuple[bytes, ...] = ()
    linked: tuple[bytes, ...] = ()
    newest_ns: int = 0
    errno_name: str | None = None


class Role(StrEnum):
    """What a file is to its model."""

    WEIGHTS = "weights"
    SUPPORT = "support"


class VerifiedBy(StrEnum):
    """The authority behind a file's expected content, best first (contract: `verified_by`)."""

    MANIFEST = "manifest"
    SIGNATURE = "signature"
    HF_TREE = "hf-tree"
    ETAG = "etag"
    BLOB_NAME = "blob-name"
    SIDECAR = "sidecar"
    LFS_POINTER = "lfs-pointer"
    HUB = "hub"
    ZIP_CRC = "zip-crc"
    BASELINE = "baseline"
    NONE = "none"
