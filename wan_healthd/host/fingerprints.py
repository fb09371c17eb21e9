"""One fingerprint of a folder, in one pass over it: what an unchanged folder costs is what `stat` of its files costs."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from itertools import islice
from operator import attrgetter

import msgspec
from msgspec import Struct

from wan_healthd.domain.files import FileLook, Fingerprint, Presence

FORMAT = 0o170000
"""S_IFMT of inode(7): the part of `st_mode` that says what it is."""

AT_A_TIME = 1000
"""Entries that are held in memory at a time: beyond it, the names alone."""

NAME_OF = attrgetter("name")

LEADS_ELSEWHERE = frozenset({Presence.FOLDER, Presence.OUTSIDE})


class Looks(Struct, frozen=True):
    """How to look at what `stat` of an entry does not tell.

    Args:
        behind: what the link of this name leads to, inside the root only.
        filesystem: the file system's name, of the folder itself (None) or of the entry of this name, each with its `st_dev`.
    """

    behind: Callable[[str], FileLook]
    filesystem: Callable[[str | None, int], str]


class _Others:
    """What is no plain file on the folder's own file system."""

    def __init__(self, looks: Looks) -> None:
        self._looks = looks
        self.folders: list[bytes] = []
        self.linked: list[bytes] = []
        self.newest_ns = 0

    def facts_of(self, name: str, facts: os.stat_result, device: int) -> tuple[object, ...]:
        """All that may matter of the entry; a sub-folder has a fingerprint of its own for what is in it."""
        where = "" if facts.st_dev == device else self._looks.filesystem(name, facts.st_dev)
        if stat.S_ISDIR(facts.st_mode):
            self.folders.append(os.fsencode(name))
            return "folder", facts.st_ino, where
        self.newest_ns = max(self.newest_ns, facts.st_ctime_ns)
        kind = self._behind(name) if stat.S_ISLNK(facts.st_mode) else "other"
        mode = stat.S_IFMT(facts.st_mode)
        return kind, mode, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, where

    def _behind(self, name: str) -> str:
        """What the link leads to, as listings tell it."""
        look = self._looks.behind(name)
        if look.presence is Presence.UNREADABLE:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if look.presence in LEADS_ELSEWHERE:
            self.linked.append(os.fsencode(name))
        at = look.identity
        if at is None:
            return f"link {look.presence}"
        self.newest_ns = max(self.newest_ns, at.ctime_ns)
        return f"link {look.presence} {at.inode} {at.size_bytes} {at.mtime_ns} {at.ctime_ns} {at.filesystem}"


class _Digest:
    """One value for all that was seen."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=32)

    def add(self, names: Sequence[str], entries: Sequence[object]) -> None:
        """Some entries and their names, which hold no slash, so that none runs into the next.

        Raises:
            OSError: EOVERFLOW, where a time is so far away that 64 bits do not hold it.
        """
        try:
            self._hash.update(msgspec.msgpack.encode(entries))
        except OverflowError:
            raise OSError(errno.EOVERFLOW, os.strerror(errno.EOVERFLOW)) from None
        self._hash.update("/".join(names).encode("utf-8", "surrogateescape"))

    @property
    def value(self) -> bytes:
        """The digest."""
        return self._hash.digest()


def fingerprint_of(path: bytes, folder: int, looks: Looks, most_entries: int) -> Fingerprint:
    """The fingerprint of the open folder.

    Raises:
        OSError: not everything could be looked at, or (EOVERFLOW) there is too much, or a time that 64 bits cannot hold.
    """
    own = os.fstat(folder)
    device, newest_ns, others = own.st_dev, own.st_ctime_ns, _Others(looks)
    names, gone = _names(folder, most_entries), 0
    digest = _Digest()
    look, is_file = os.stat, stat.S_IFREG
    for first in range(0, len(names), AT_A_TIME):
        some = names[first : first + AT_A_TIME]
        entries: list[object] = []  # four numbers of a plain file, one value of anything else
        keep, keep_other = entries.extend, entries.append
        for name in some:  # a million times, so what most entries need stands here
            try:
                facts = look(name, dir_fd=folder, follow_symlinks=False)
                changed_ns = facts.st_ctime_ns
                if facts.st_mode & FORMAT == is_file and facts.st_dev == device:
                    keep((facts.st_ino, facts.st_size, facts.st_mtime_ns, changed_ns))
                    newest_ns = changed_ns if changed_ns > newest_ns else newest_ns
                else:
                    keep_other(others.facts_of(name, facts, device))
            except FileNotFoundError:  # it went meanwhile: listings leave it out, and next time this is another folder
                keep_other(None)
                gone += 1
        digest.add(some, entries)
    digest.add((), [(own.st_ino, own.st_mtime_ns, own.st_ctime_ns, looks.filesystem(None, device))])
    return Fingerprint(
        path,
        digest.value,
        entries=len(names) - gone,
        folders=tuple(sorted(others.folders)),
        linked=tuple(sorted(others.linked)),
        newest_ns=max(newest_ns, others.newest_ns),
    )


def _names(folder: int, most: int) -> list[str]:
    """The names in the folder, sorted. Raises OSError (EOVERFLOW) where there are more than `most`."""
    with os.scandir(folder) as scan:  # `listdir` would take whatever there is into memory
        names = list(map(NAME_OF, islice(scan, most + 1)))
    if len(names) > most:
        raise OSError(errno.EOVERFLOW, os.strerror(errno.EOVERFLOW))
    names.sort()
    return names
