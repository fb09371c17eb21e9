"""The control socket over starts and restarts: handed in by the socket unit, kept for us by the service manager, or bound anew.

A socket that we bound ourselves is handed to the manager's descriptor store. So while we are started anew, by `systemctl
restart` or after a crash, clients wait in its queue instead of being refused, just as with the socket unit.

Nothing else is kept there, since nothing else is worth it: how far reads and sweeps got stands in the state, committed every
256 MiB or 5 s, and goes on from there at its block; of a file's very first read the SHA-256 cannot be continued by anybody; the
files that were open are opened anew, since they may be others by now; and connections of clients are asked again by them.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping

from wan_healthd.api.sockets import ControlSocket, bind, handed_in, take_up
from wan_healthd.daemon.places import socket_path
from wan_healthd.domain.ports import Notifier

KEPT = "kept-control"
"""FDNAME of our own socket in the descriptor store (`FileDescriptorStoreMax=1`)."""


def listen(
    stated: str | None, gid: int | None, environ: Mapping[str, str], notifier: Notifier, stack: contextlib.ExitStack
) -> tuple[socket.socket, ...]:
    """The listening sockets; `stack` closes them, and takes the node away where nobody keeps the socket for the next start.

    `stated` is `[api] socket`, `gid` the group that may connect.

    Raises:
        ConfigInvalid: it cannot be made.
    """
    kept = handed_in(environ, os.getpid(), KEPT.__eq__)
    given = handed_in(environ, os.getpid(), KEPT.__ne__)
    if given:
        for listener in kept:  # a socket unit came meanwhile
            listener.close()
            notifier.let_go(KEPT)
        for listener in given:
            stack.callback(listener.close)
        return given
    path = socket_path(stated, environ, os.geteuid())
    control = _resumed(path, gid, kept) or bind(path, gid)
    notifier.let_go(KEPT)
    notifier.keep(KEPT, control.listener.fileno())
    if _is_cleared_by_the_manager(path, environ):
        stack.callback(control.leave)
    else:
        stack.callback(notifier.let_go, KEPT)
        stack.callback(control.remove)
    stack.callback(control.listener.close)
    return (control.listener,)


def _resumed(path: str, gid: int | None, kept: tuple[socket.socket, ...]) -> ControlSocket | None:
    """The socket that was kept for us, if it still is what answers at the path."""
    for listener in kept[1:]:
        listener.close()
    return take_up(path, gid, kept[0]) if kept else None


def _is_cleared_by_the_manager(path: str, environ: Mapping[str, str]) -> bool:
    """Whether the node goes with the service's RuntimeDirectory when it is stopped for good: then we need not take it away."""
    folder = environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return bool(folder and environ.get("NOTIFY_SOCKET")) and os.path.dirname(path) == folder
