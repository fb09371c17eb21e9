"""Confines itself, then tries everything: `python prisoner.py all|landlock|system-calls FOLDER`; prints JSON.

Stands alone, since it also runs as a user who cannot see the checkout. FOLDER is this user's, and holds `file`.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import importlib
import json
import mmap
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from wan_healthd.digest.confine import confine
from wan_healthd.digest.landlock import forbid_changes
from wan_healthd.digest.seccomp import filter_calls

FS_IOC_SETFLAGS = 0x40086602
IO_URING_SETUP = 425
CLONE_NEWUSER = 0x10000000
PTRACE_ATTACH = 16
NO_NEW_PRIVILEGES = 38

libc = ctypes.CDLL(None, use_errno=True)


def called(name: str, *arguments: Any) -> int:
    """A C function that says by -1 that it could not."""
    ctypes.set_errno(0)
    if (answer := int(getattr(libc, name)(*arguments))) == -1:
        raise OSError(ctypes.get_errno(), name)
    return answer


def fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def in_a_thread() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def conversation(ours: socket.socket, theirs: socket.socket) -> None:
    ours.sendall(b"x")
    if theirs.recv(1) != b"x":
        raise OSError(errno.EIO, "nothing came")


def forbidden(file: str, descriptor: int) -> dict[str, Callable[[], object]]:
    """What none who only reads has to do."""
    beside = f"{file}.new"
    parent = os.getppid()
    return {
        "write": lambda: os.open(file, os.O_WRONLY),
        "empty": lambda: os.open(file, os.O_RDONLY | os.O_TRUNC),
        "make a file": lambda: os.open(beside, os.O_WRONLY | os.O_CREAT, 0o600),
        "make one without a name": lambda: os.open(os.path.dirname(file), os.O_TMPFILE | os.O_RDWR, 0o600),
        "write what it was handed for reading": lambda: os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR),
        "truncate": lambda: os.truncate(file, 0),
        "rename": lambda: os.rename(file, beside),
        "remove": lambda: os.unlink(file),
        "make a folder": lambda: os.mkdir(beside),
        "link": lambda: os.link(file, beside),
        "link by name": lambda: os.symlink(file, beside),
        "make a pipe with a name": lambda: os.mkfifo(beside),
        "change its mode": lambda: os.fchmod(descriptor, 0o777),
        "change its owner": lambda: os.fchown(descriptor, -1, os.getegid()),
        "change its times": lambda: os.utime(descriptor, (0, 0)),
        "change its attributes": lambda: os.setxattr(descriptor, "user.x", b"x"),
        "change its flags": lambda: fcntl.ioctl(descriptor, FS_IOC_SETFLAGS, b"\0" * 8),
        "make a socket": lambda: socket.socket(socket.AF_INET),
        "make a local socket": lambda: socket.socket(socket.AF_UNIX),
        "make a pair of sockets": socket.socketpair,
        "fork": fork,
        "run a program": lambda: os.execv("/bin/true", ["true"]),
        "start a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "signal its parent": lambda: os.kill(parent, 0),
        "limit its parent": lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE),
        "look into its parent": lambda: called("ptrace", PTRACE_ATTACH, parent, None, None),
        "make a ring": lambda: called("syscall", IO_URING_SETUP, 1, ctypes.create_string_buffer(120)),
        "become root of its own world": lambda: called("unshare", CLONE_NEWUSER),
    }


def needed(file: str, descriptor: int) -> dict[str, Callable[[], object]]:
    """What reading takes."""
    ours, theirs = socket.socketpair()  # made before the confinement, as the engine does
    return {
        "read": lambda: os.preadv(descriptor, [bytearray(4096)], 0),
        "read past the cache": lambda: fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_DIRECT),
        "open anew": lambda: os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY),
        "open by name": lambda: os.open(file, os.O_RDONLY),
        "list": lambda: os.listdir(os.path.dirname(file)),
        "import": lambda: importlib.import_module("decimal"),
        "start a thread": in_a_thread,
        "take memory": lambda: mmap.mmap(-1, 1 << 22, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS),
        "talk": lambda: conversation(ours, theirs),
        "signal itself": lambda: os.kill(os.getpid(), 0),
        "signal a thread": lambda: signal.pthread_kill(threading.get_ident(), 0),
        "watch its parent": lambda: os.pidfd_open(os.getppid()),
    }


def outcome(attempt: Callable[[], object]) -> str:
    """The error's name, or what stands for success."""
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "done"


def main(how: str, folder: str) -> None:
    file = os.path.join(folder, "file")
    descriptor = os.open(file, os.O_RDONLY)
    attempts = {"forbidden": forbidden(file, descriptor), "needed": needed(file, descriptor)}
    layers: list[Any] = []
    if how == "all":
        layers = [(layer.name, layer.in_force, layer.detail) for layer in confine().layers]
    else:
        called("prctl", NO_NEW_PRIVILEGES, *(ctypes.c_ulong(value) for value in (1, 0, 0, 0)))
        (forbid_changes if how == "landlock" else filter_calls)()
    told = {kind: {name: outcome(attempt) for name, attempt in tried.items()} for kind, tried in attempts.items()}
    print(json.dumps({"layers": layers, **told}))
    sys.stdout.flush()
    os._exit(0)  # whatever was made in spite of all ends here


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
