"""One fingerprint of a folder, in one pass over it: what an unchanged folder costs is what `stat` of its files costs."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable

from msgspec import Struct

from wan_healthd.domain.files import FileLook, Fingerprint, Presence

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

    def line(self, name: str, facts: os.stat_result, device: int) -> str:
        """All that may matter of the entry, as text; a sub-folder has a fingerprint of its own for what is in it."""
        where = "" if facts.st_dev == device else self._looks.filesystem(name, facts.st_dev)
        if stat.S_ISDIR(facts.st_mode):
            self.folders.append(os.fsencode(name))
            return f"{name}\0folder {facts.st_ino} {where}"
        self.newest_ns = max(self.newest_ns, facts.st_ctime_ns)
        kind = self._behind(name) if stat.S_ISLNK(facts.st_mode) else "other"
        identity = f"{facts.st_ino} {facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"
        return f"{name}\0{kind} {stat.S_IFMT(facts.st_mode)} {identity} {where}"

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


def fingerprint_of(path: bytes, folder: int, looks: Looks, most_entries: int) -> Fingerprint:
    """The fingerprint of the open folder.

    Raises:
        OSError: not everything could be looked at, or (EOVERFLOW) there is too much.
    """
    own = os.fstat(folder)
    device, newest_ns, others = own.st_dev, own.st_ctime_ns, _Others(looks)
    lines: list[str] = []
    with os.scandir(folder) as scan:
        for found in scan:  # a million times, so what most entries need stands here
            try:
                facts = found.stat(follow_symlinks=False)
                changed_ns = facts.st_ctime_ns
                if found.is_file(follow_symlinks=False) and facts.st_dev == device:
                    lines.append(f"{found.name}\0{facts.st_ino} {facts.st_size} {facts.st_mtime_ns} {changed_ns}")
                    newest_ns = changed_ns if changed_ns > newest_ns else newest_ns
                else:
                    lines.append(others.line(found.name, facts, device))
            except FileNotFoundError:  # it went meanwhile, as listings have it
                continue
            if len(lines) > most_entries:
                raise OSError(errno.EOVERFLOW, os.strerror(errno.EOVERFLOW))
    lines.sort()
    lines.append(f"{own.st_ino} {own.st_mtime_ns} {own.st_ctime_ns} {looks.filesystem(None, device)}")
    # Names hold neither NUL nor a slash, so these set them and the entries apart.
    digest = hashlib.blake2b("/".join(lines).encode("utf-8", "surrogateescape"), digest_size=32).digest()
    return Fingerprint(
        path,
        digest,
        entries=len(lines) - 1,
        folders=tuple(sorted(others.folders)),
        linked=tuple(sorted(others.linked)),
        newest_ns=max(newest_ns, others.newest_ns),
    )
