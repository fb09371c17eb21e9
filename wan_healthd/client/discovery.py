"""Where the control socket may be. The daemon uses the same rules, so that both agree without configuration."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import NamedTuple

SYSTEM_SOCKET = "/run/wan-healthd/control.sock"
ENVIRONMENT = "WAN_HEALTHD_SOCKET"


class Place(NamedTuple):
    """Where a socket may be. `private`: only believed if its folder is ours alone, since anybody can make that folder."""

    path: str
    private: bool = False


def places(stated: str | None, environ: Mapping[str, str], uid: int) -> tuple[Place, ...]:
    """Where to look, in order: what was stated, alone; else what the environment states, alone; else the usual places."""
    if stated is not None:
        return (Place(stated),)
    if environ.get(ENVIRONMENT):
        return (Place(environ[ENVIRONMENT]),)
    return (Place(SYSTEM_SOCKET), user_place(environ, uid))


def user_place(environ: Mapping[str, str], uid: int) -> Place:
    """Where the daemon of an ordinary user has its socket: $XDG_RUNTIME_DIR, else a private folder under $TMPDIR or /tmp."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    if runtime and runtime.startswith("/"):
        return Place(f"{runtime}/wan-healthd/control.sock")
    return Place(f"{environ.get('TMPDIR') or '/tmp'}/wan-healthd-{uid}/control.sock", private=True)  # noqa: S108 # checked by is_private


def is_private(folder: str, uid: int) -> bool:
    """Whether `folder` is a real folder of this user's that nobody else can enter.

    Raises:
        OSError: it cannot be looked at; FileNotFoundError where it is not there.
    """
    found = os.lstat(folder)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not found.st_mode & 0o077
