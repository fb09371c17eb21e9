"""Who is at the other end of a connection, by the kernel's word.

SO_PEERCRED and SO_PEERGROUPS tell the peer's uid, pid, gid and supplementary groups as they were when it connected
(unix(7)); no name service is asked, which could block, unless the peer has more groups than one call can tell.
"""

from __future__ import annotations

import os
import pwd
import socket
import struct

from wan_healthd.domain.callers import Caller, CallerRole

_CREDENTIALS = struct.Struct("3i")
_GID = struct.Struct("I")
_SO_PEERGROUPS = 59
"""include/uapi/asm-generic/socket.h; the socket module has no name for it."""

_LONGEST_OPTION = 1024
"""The most that socket.getsockopt takes: 256 groups."""

ROOT = 0


def caller_of(connection: socket.socket, act_gids: frozenset[int], own_uid: int) -> Caller:
    """The peer of a Unix stream socket and its role.

    Whoever could connect may read. Root, the daemon's own user and members of `act_gids` may act.

    Raises:
        OSError: the socket has no peer credentials.
    """
    pid, uid, gid = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    may_act = uid in (ROOT, own_uid) or gid in act_gids or not act_gids.isdisjoint(_groups_of(connection, uid, gid))
    return Caller(uid=uid, pid=pid, role=CallerRole.ACTOR if may_act else CallerRole.READER)


def _groups_of(connection: socket.socket, uid: int, gid: int) -> frozenset[int]:
    try:
        packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _LONGEST_OPTION)
    except OSError:
        return _listed_groups(uid, gid)
    return frozenset(group for (group,) in _GID.iter_unpack(packed))


def _listed_groups(uid: int, gid: int) -> frozenset[int]:
    """The groups that the user data base lists; ERANGE (more than 256 groups) is the only known way here."""
    try:
        return frozenset(os.getgrouplist(pwd.getpwuid(uid).pw_name, gid))
    except (KeyError, OSError):
        return frozenset()
