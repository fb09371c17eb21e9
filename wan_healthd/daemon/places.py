"""Where the daemon keeps its state and its socket: under systemd what the unit says, else the user's own places."""

from __future__ import annotations

import os
from collections.abc import Mapping

from wan_healthd.client.discovery import is_private, user_place
from wan_healthd.domain.errors import ConfigInvalid, StoreUnusable

CURE = "set XDG_RUNTIME_DIR, or name a place with [api] socket"
STATE_FILE = "state.db"
SOCKET_FILE = "control.sock"


def state_file(environ: Mapping[str, str]) -> bytes:
    """Path of the database; its folder is made, for the user alone.

    Raises:
        StoreUnusable: the folder cannot be made.
    """
    stated = environ.get("STATE_DIRECTORY", "").split(":")[0]
    base = environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    folder = stated or os.path.join(base, "wan-healthd")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreUnusable(
            f"cannot make the state folder {folder}: {error.strerror}", "create it, or name another one with XDG_STATE_HOME"
        ) from error
    return os.fsencode(os.path.join(folder, STATE_FILE))


def socket_path(stated: str | None, environ: Mapping[str, str], uid: int) -> str:
    """Path of the control socket; its folder is made where it is ours to make.

    Raises:
        ConfigInvalid: the folder cannot be made, or somebody else could have made it.
    """
    runtime = environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if stated is not None:
        return stated
    if runtime:
        return os.path.join(runtime, SOCKET_FILE)
    place = user_place(environ, uid)
    folder = os.path.dirname(place.path)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if place.private and not is_private(folder, uid):
            raise ConfigInvalid(
                f"cannot use {folder} for the control socket: it belongs to somebody else or others can enter it",
                CURE,
            )
    except OSError as error:
        raise ConfigInvalid(
            f"cannot make {folder} for the control socket: {error.strerror}",
            CURE,
        ) from error
    return place.path
