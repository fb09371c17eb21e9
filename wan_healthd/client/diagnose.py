"""Why the daemon cannot be reached, and what to do about it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence

from wan_healthd.client.discovery import ENVIRONMENT
from wan_healthd.client.errors import ClientError, DaemonBusy, DaemonUnreachable, SocketForbidden
from wan_healthd.domain.paths import display

START = "start it with `systemctl start wan-healthd`, or with `wan-healthd --config FILE` in a terminal"
ELSEWHERE = f"name its socket with --socket PATH or ${ENVIRONMENT}"


def diagnose(path: str, error: OSError) -> ClientError:
    """What a failed connect to the socket at `path` means."""
    name = display(os.fsencode(path))
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return nowhere([path])
    if error.errno in (errno.EACCES, errno.EPERM):
        return _forbidden(path, name)
    if error.errno == errno.ECONNREFUSED:
        return _refused(path, name)
    if error.errno == errno.EAGAIN or isinstance(error, TimeoutError):
        return DaemonBusy(f"cannot reach wan-healthd at {name}: it is too busy to answer", "try again in a moment")
    return DaemonUnreachable(f"cannot reach wan-healthd at {name}: {error.strerror or error}", f"{ELSEWHERE}, or {START}")


def nowhere(paths: Sequence[str]) -> DaemonUnreachable:
    """No socket is there at all."""
    names = " or ".join(display(os.fsencode(path)) for path in paths)
    return DaemonUnreachable(
        f"cannot reach wan-healthd: there is no socket at {names}", f"{START}; if it runs already, {ELSEWHERE}"
    )


def untrusted(folder: str) -> SocketForbidden:
    """The folder under the temporary folder may be somebody else's trap."""
    name = display(os.fsencode(folder))
    return SocketForbidden(
        f"cannot trust the socket in {name}: the folder is not yours alone",
        f"look who made it (`ls -ld {name}`); set XDG_RUNTIME_DIR, or {ELSEWHERE}",
    )


def _refused(path: str, name: str) -> DaemonUnreachable:
    try:
        is_socket = stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        is_socket = True
    if not is_socket:
        return DaemonUnreachable(f"cannot reach wan-healthd at {name}: that is not a socket", ELSEWHERE)
    return DaemonUnreachable(
        f"cannot reach wan-healthd at {name}: nobody answers there, so it is not running",
        f"{START}; `journalctl -u wan-healthd` tells why it ended",
    )


def _forbidden(path: str, name: str) -> SocketForbidden:
    try:
        gid = os.stat(path).st_gid
    except OSError:
        return SocketForbidden(
            f"cannot open {name}: you may not look into its folder",
            f"run healthctl as the daemon's user or as root, or {ELSEWHERE}",
        )
    group = _group_name(gid)
    return SocketForbidden(
        f"cannot open {name}: only root, its owner and members of the group {group} may",
        f"ask an administrator for `usermod -aG {group} USER`, log in again (`id` lists your groups), or run healthctl as root",
    )


def _group_name(gid: int) -> str:
    import grp

    try:
        return grp.getgrgid(gid).gr_name
    except (KeyError, OSError):
        return str(gid)
