"""What only a client sees: who it is, whether it may open the socket, and of what version it is itself."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Sequence
from typing import NamedTuple

from wan_healthd.client.discovery import SYSTEM_SOCKET, Place
from wan_healthd.client.errors import ClientError, SocketForbidden
from wan_healthd.version import __version__

UNITS = tuple(f"{folder}/system/wan-healthd.service" for folder in ("/etc/systemd", "/usr/lib/systemd", "/lib/systemd"))
BOOTED = "/run/systemd/system"
"""There where systemd runs (sd_booted(3))."""

ASK_SYSTEMD = "`systemctl status wan-healthd`, then `journalctl -u wan-healthd -e`"


class Sight(NamedTuple):
    """What was seen.

    Args:
        user: our name, or number.
        socket: the first one that is there; None where none is.
        group: the socket's group; None for root's, or where there is no socket.
        is_member: whether this process has that group.
        is_enrolled: whether our user is in it by the user database: then only a new login is lacking.
        is_service: whether the service is installed on a machine that systemd runs.
    """

    user: str
    uid: int
    socket: str | None
    group: str | None
    is_member: bool
    is_enrolled: bool
    is_service: bool


class Told(NamedTuple):
    """A diagnosis, in the words of `domain.doctor`."""

    check: str
    verdict: str
    found: str
    cure: str = ""
    subject: str = ""


def look(places: Sequence[Place]) -> Sight:
    """Look around; nobody is asked."""
    uid = os.geteuid()
    user = _user(uid)
    socket = next((place.path for place in places if _is_socket(place.path)), None)
    group, gid = _group_of(socket)
    return Sight(
        user=user,
        uid=uid,
        socket=socket,
        group=group,
        is_member=gid is not None and gid in {os.getegid(), *os.getgroups()},
        is_enrolled=group is not None and _is_enrolled(user, gid),
        is_service=os.path.isdir(BOOTED) and any(map(os.path.exists, UNITS)),
    )


def diagnose(sight: Sight, failure: ClientError | None, version: str | None) -> list[Told]:
    """Whether the daemon can be asked, and by us.

    Args:
        sight: what was seen.
        failure: why it gave no answer; None if it did.
        version: of the daemon that answered.
    """
    return [_reach(sight, failure), _membership(sight), *([] if version is None else [_version(version)])]


def _reach(sight: Sight, failure: ClientError | None) -> Told:
    if failure is None:
        return Told("socket", "ok", "the daemon answers")
    if isinstance(failure, SocketForbidden) and sight.is_enrolled and not sight.is_member:
        return Told("socket", "problem", failure.message, _log_in(sight))
    cure = failure.suggestion
    if sight.is_service and not isinstance(failure, SocketForbidden):
        cure = f"{ASK_SYSTEMD} tell why; `systemctl start wan-healthd` starts it"
    return Told("socket", "problem", failure.message, cure)


def _membership(sight: Sight) -> Told:
    who = f"you are {sight.user}"
    if sight.uid == 0:
        return Told("you", "ok", f"{who}, who may do everything")
    if sight.group is None:
        return Told("you", "ok", who)
    if sight.is_member:
        return Told("you", "ok", f"{who}, in the group {sight.group}")
    if sight.is_enrolled:
        return Told("you", "warning", f"{who}, in the group {sight.group} only since after this login", _log_in(sight))
    cure = f"`sudo usermod -aG {sight.group} {sight.user}`, then log in again"
    return Told("you", "warning", f"{who}, not in the group {sight.group}: you may not act, and perhaps not ask", cure)


def _version(version: str) -> Told:
    if version == __version__:
        return Told("version", "ok", f"healthctl and daemon are of version {version}")
    return Told(
        "version",
        "warning",
        f"the daemon is wan-healthd {version}, healthctl is {__version__}",
        "`systemctl restart wan-healthd`, if the package was upgraded; else upgrade the older one",
    )


def _log_in(sight: Sight) -> str:
    return f"log in again, or `newgrp {sight.group}` for this shell: a group is in force from the next login on"


def _is_socket(path: str) -> bool:
    """Whether a socket is there; one that we may not even see may be, where the system's daemon has its own."""
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except PermissionError:
        return path == SYSTEM_SOCKET
    except OSError:
        return False


def _group_of(socket: str | None) -> tuple[str | None, int | None]:
    if socket is None:
        return None, None
    try:
        gid = os.stat(socket).st_gid
        return (grp.getgrgid(gid).gr_name, gid) if gid else (None, None)
    except (OSError, KeyError):
        return None, None


def _is_enrolled(user: str, gid: int | None) -> bool:
    try:
        return gid in os.getgrouplist(user, pwd.getpwnam(user).pw_gid)
    except (KeyError, OSError):
        return False


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
