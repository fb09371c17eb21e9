"""What tells one state of a file from another without reading it."""

from __future__ import annotations

from msgspec import Struct


class FileIdentity(Struct, frozen=True):
    """A file's bytes as the file system vouches for them.

    `filesystem` is the file system's own UUID (or the best stable name where there is none), never the device number,
    which may change at every boot. `utime` can restore mtime, but never ctime.
    """

    filesystem: str
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int


class FileMode(Struct, frozen=True):
    """Permission bits and owner, as recorded; a lost read bit is told from these."""

    mode: int
    uid: int
    gid: int
