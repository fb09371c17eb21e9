"""From what the kernel says of a file to a `FileLook`."""

from __future__ import annotations

import errno
import os
import stat

from wan_healthd.domain.files import FileLook, Presence
from wan_healthd.domain.identity import FileIdentity, FileMode

STAT_BLOCK_BYTES = 512
"""Unit of `st_blocks` on Linux, whatever the file system's own block size."""

NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})
REFUSED = frozenset({errno.EACCES, errno.EPERM})


def look_of(
    facts: os.stat_result,
    filesystem: str,
    *,
    is_link: bool = False,
) -> FileLook:
    """The look that `facts` amount to; `filesystem` is the name that `FileSystems` gives."""
    return FileLook(
        presence=presence_of(facts.st_mode),
        identity=FileIdentity(filesystem, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns),
        mode=FileMode(stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid),
        allocated_bytes=facts.st_blocks * STAT_BLOCK_BYTES,
        is_link=is_link,
    )


def presence_of(mode: int) -> Presence:
    """What `st_mode` says that stands there."""
    if stat.S_ISREG(mode):
        return Presence.FILE
    return Presence.FOLDER if stat.S_ISDIR(mode) else Presence.IRREGULAR


def look_of_error(error: OSError, *, is_link: bool = False) -> FileLook:
    """The look where the kernel refused; `is_link` says that it refused to follow a link that is there."""
    code = error.errno or 0
    presence = _presence_of_error(code, is_link=is_link)
    told = presence not in (Presence.ABSENT, Presence.OUTSIDE)
    return FileLook(presence, errno_name=errno_name_of(error) if told else None, is_link=is_link)


def errno_name_of(error: OSError) -> str:
    """The error's symbolic name, "EIO"."""
    return errno.errorcode.get(error.errno or 0, f"errno-{error.errno}")


def _presence_of_error(code: int, *, is_link: bool) -> Presence:
    if code in NOT_THERE:
        return Presence.DANGLING if is_link else Presence.ABSENT
    if code == errno.EXDEV:
        return Presence.OUTSIDE
    if code == errno.ELOOP:  # links that lead to each other lead nowhere
        return Presence.DANGLING
    return Presence.FORBIDDEN if code in REFUSED else Presence.UNREADABLE
