"""The control socket's place in the file system: bound by us, or handed in by systemd."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
from collections.abc import Callable, Mapping

from msgspec import Struct

from wan_healthd.domain.errors import ConfigInvalid
from wan_healthd.domain.paths import display

MODE = 0o660
LONGEST_PATH = 107
"""sun_path in unix(7), less its final NUL."""

_BACKLOG = 128
_PROBE_S = 2.0
_FIRST_HANDED_IN = 3
"""SD_LISTEN_FDS_START in sd_listen_fds(3)."""


class ControlSocket(Struct, frozen=True):
    """A bound, listening socket and the lock that keeps its path ours. Give `listener` to `serve`."""

    listener: socket.socket
    path: str
    _lock: int
    _node: tuple[int, int]

    def remove(self) -> None:
        """Take the node away, unless it is no longer ours, and let the path go. The listener is closed by whoever serves."""
        with contextlib.suppress(OSError):
            if _node_of(os.lstat(self.path)) == self._node:
                os.unlink(self.path)
        self.leave()

    def leave(self) -> None:
        """Let the path go, and leave the node where it is: somebody keeps the listener for who comes after us."""
        os.close(self._lock)


def handed_in(
    environ: Mapping[str, str], pid: int, is_meant: Callable[[str], bool] = lambda name: True
) -> tuple[socket.socket, ...]:
    """The listening sockets that systemd passes to process `pid`; none where it passes none.

    Other descriptors are left alone: those that do not listen, and those by whose names (FileDescriptorName=, FDNAME=) they are
    not meant.

    Raises:
        ConfigInvalid: one of them listens, but is not a Unix stream socket, whose peers can be told apart.
    """
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(pid) or not (count.isascii() and count.isdigit()):
        return ()
    numbers = range(_FIRST_HANDED_IN, _FIRST_HANDED_IN + int(count[:4]))
    named = dict(zip(numbers, environ.get("LISTEN_FDNAMES", "").split(":"), strict=False))
    return tuple(_adopted(number) for number in numbers if is_meant(named.get(number, "")) and _listens(number))


def take_up(path: str, gid: int | None, listener: socket.socket) -> ControlSocket | None:
    """Go on with a listener that was kept for us; None, and it is closed, if it is not what answers at `path`.

    Raises:
        ConfigInvalid: another daemon has the path.
    """
    lock: int | None = None
    try:
        if listener.getsockname() == path:
            lock = _lock(path)
            if _answers(path):
                if gid is not None:
                    os.chown(path, -1, gid, follow_symlinks=False)
                return ControlSocket(listener, path, lock, _node_of(os.lstat(path)))
    except OSError:
        pass  # then a new one is bound, which says what is wrong
    listener.close()
    if lock is not None:
        os.close(lock)
    return None


def bind(path: str, gid: int | None) -> ControlSocket:
    """Listen at `path` with mode 0660 and group `gid` (None: the process's own).

    A socket that a dead daemon left is replaced. The node never exists with wider permissions, whatever the umask.

    Raises:
        ConfigInvalid: another daemon answers there, something else stands there, or the system refuses.
    """
    if not 0 < len(os.fsencode(path)) <= LONGEST_PATH:
        raise _cannot(path, f"a socket's path has 1 to {LONGEST_PATH} bytes", "choose a shorter [api] socket")
    try:
        return _bind_locked(path, gid)
    except OSError as error:
        raise _cannot(path, error.strerror or str(error), _cure(error)) from None


def _bind_locked(path: str, gid: int | None) -> ControlSocket:
    lock = _lock(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear(path)
        # The mode of an unbound socket, less the umask, becomes that of its node (Linux: net/unix/af_unix.c, unix_bind_bsd).
        os.fchmod(listener.fileno(), 0o600)
        listener.bind(path)
        if gid is not None:
            os.chown(path, -1, gid, follow_symlinks=False)
        os.chmod(path, MODE)
        listener.listen(_BACKLOG)
        return ControlSocket(listener, path, lock, _node_of(os.lstat(path)))
    except BaseException:
        listener.close()
        os.close(lock)
        raise


def _lock(path: str) -> int:
    """Hold `PATH.lock` for as long as we live, so that two daemons that start together cannot take each other's socket."""
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise _taken(path) from None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _clear(path: str) -> None:
    """Make room at `path`: only a socket at which nobody answers is removed."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise _cannot(path, "something that is not a socket stands there", "remove it, or choose another [api] socket")
    if _answers(path):
        raise _taken(path)
    os.unlink(path)


def _answers(path: str) -> bool:
    """Whether anybody listens there, however busy."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        return probe.connect_ex(path) not in (errno.ECONNREFUSED, errno.ENOENT)


def _listens(number: int) -> bool:
    try:
        with socket.socket(fileno=os.dup(number)) as copy:
            return bool(copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:  # not a socket, or not open
        return False


def _adopted(number: int) -> socket.socket:
    listener = socket.socket(fileno=number)
    os.set_inheritable(number, False)
    if listener.family != socket.AF_UNIX or listener.type != socket.SOCK_STREAM:
        listener.close()
        raise ConfigInvalid(
            f"cannot use descriptor {number} from systemd: it is not a Unix stream socket",
            "correct ListenStream= in the socket unit",
        )
    return listener


def _node_of(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _taken(path: str) -> ConfigInvalid:
    return _cannot(path, "another wan-healthd answers there", "stop that one, or give this one another [api] socket")


def _cannot(path: str, cause: str, cure: str) -> ConfigInvalid:
    return ConfigInvalid(f"cannot listen on {display(os.fsencode(path))}: {cause}", cure)


def _cure(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "create the folder, or choose another [api] socket"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "let the daemon's user write the folder and belong to [api] socket_group, or choose another [api] socket"
    return "choose another [api] socket"
