"""The hub's JSON: the commit of a revision, and a page of the list of files (domain facts, section 2). Pure."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from wan_healthd.domain.hub import RepoEntry
from wan_healthd.domain.source_ref import COMMIT
from wan_healthd.hub.faults import NO_HUB, Trouble

_Bytes = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
_Digest = Annotated[str, Meta(max_length=128)]


class _Revision(Struct):
    sha: str


class _Lfs(Struct):
    oid: _Digest


class _Entry(Struct):
    type: str
    path: Annotated[str, Meta(max_length=4096)]
    oid: _Digest
    size: _Bytes = 0
    lfs: _Lfs | None = None
    xet_hash: str | None = field(name="xetHash", default=None)


def commit(body: bytes) -> str:
    """The commit in an answer on a revision.

    Raises:
        Trouble: there is none.
    """
    try:
        sha = msgspec.json.decode(body, type=_Revision).sha
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _not_understood() from None
    if COMMIT.fullmatch(sha) is None:
        raise _not_understood()
    return sha


def page(body: bytes) -> list[RepoEntry | None]:
    """The entries of one page; None for what is no file.

    Raises:
        Trouble: it is no such page.
    """
    try:
        entries = msgspec.json.decode(body, type=list[_Entry])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _not_understood() from None
    return [_file(entry) if entry.type == "file" else None for entry in entries]


def _file(entry: _Entry) -> RepoEntry:
    sha256 = None if entry.lfs is None else entry.lfs.oid
    is_elsewhere = entry.lfs is not None or entry.xet_hash is not None
    return RepoEntry(entry.path, entry.size, entry.oid, sha256, is_elsewhere)


def _not_understood() -> Trouble:
    return Trouble("it answers something that cannot be understood", NO_HUB)
