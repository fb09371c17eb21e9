"""The worker as a process: started with one end of a socket pair, ended, reaped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence

WORKER_COMMAND = (sys.executable, "-P", "-m", "wan_healthd.digest.worker")
"""`-P`: never import from the current directory, which may be a folder of downloaded models."""

PACKAGE_HOME = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
"""The folder that holds `wan_healthd`."""


SECRETS = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET"})
"""What of our environment is none of the worker's business: it reads what strangers wrote."""


def worker_environment() -> Mapping[str, str]:
    """Our environment, in which the worker finds the very package that we run from, wherever that is."""
    environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
    if PACKAGE_HOME in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        return environment
    inherited = environment.get("PYTHONPATH")
    return {**environment, "PYTHONPATH": f"{PACKAGE_HOME}{os.pathsep}{inherited}" if inherited else PACKAGE_HOME}


class WorkerProcess:
    """A running worker and our end of its socket, non-blocking.

    Attributes:
        connection: closed by `hang_up`.
        pidfd: readable once the process has ended; closed by `reap`.

    Raises:
        OSError: the process cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with theirs:
                self._popen = subprocess.Popen(
                    [*command, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=worker_environment(),
                )
            self.pidfd = self._open_pidfd()
        except BaseException:
            self.connection.close()
            raise
        self.connection.setblocking(False)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def is_stopped(self) -> bool:
        """Whether a signal has stopped it (SIGSTOP), and none has let it go on."""
        try:
            told = os.waitid(os.P_PIDFD, self.pidfd, os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return told is not None

    def hang_up(self) -> None:
        """Close the socket and kill; no error if it has ended."""
        self.connection.close()
        self._popen.kill()

    def kill(self) -> None:
        """Kill; no error if it has ended."""
        self._popen.kill()

    def reap(self) -> str:
        """Take leave of a process that has ended: how it did, in words."""
        status = self._popen.wait()
        os.close(self.pidfd)
        return _describe(status)

    def _open_pidfd(self) -> int:
        try:
            return os.pidfd_open(self._popen.pid)
        except OSError:
            self._popen.kill()
            self._popen.wait()
            raise


def _describe(status: int) -> str:
    if status >= 0:
        return f"it ended with status {status}"
    try:
        return f"it was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"it was ended by signal {-status}"
