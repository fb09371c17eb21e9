"""The service manager's ear: sd_notify(3) through sdnotify, made safe.

sdnotify 0.3.2 encodes as latin-1, passes newlines (a file name in a status could stop the unit), and waits while the
manager's queue is full. So only printable ASCII goes in, bounded, and never a wait. It knows no descriptor store either.
"""

from __future__ import annotations

import contextlib
import os
import socket
from array import array
from collections.abc import Mapping

import sdnotify

from wan_healthd.domain.paths import printable
from wan_healthd.domain.ports import Clock
from wan_healthd.host.clock import SystemClock

MAX_STATUS_BYTES = 500
"""systemd reads at most a page of one message."""


class SystemdNotifier:
    """The `Notifier` port; needs NOTIFY_SOCKET in the process's environment.

    A message that does not fit into the manager's queue is dropped if the next one of its kind replaces it; what marks a turn
    (ready, reloading, stopping) is sent again with the next message.

    Raises:
        OSError: the socket cannot be reached.
    """

    def __init__(self, clock: Clock, watchdog_interval_s: float | None = None) -> None:
        self._systemd = sdnotify.SystemdNotifier(debug=True)
        self._systemd.socket.setblocking(False)
        self._clock = clock
        self._watchdog_interval_s = watchdog_interval_s
        self._owed = ""

    def ready(self) -> None:
        """The socket answers; ends a reload too."""
        self._owed = "READY=1\n"
        self._tell()

    def status(self, text: str) -> None:
        """One line of status; any text is safe."""
        self._tell(f"STATUS={safe_status(text)}\n")

    def reloading(self) -> None:
        """A reload began; `ready` ends it."""
        self._owed = f"RELOADING=1\nMONOTONIC_USEC={int(self._clock.monotonic() * 1e6)}\n"
        self._tell()

    def stopping(self) -> None:
        """Shutdown began."""
        self._owed = "STOPPING=1\n"
        self._tell()

    def watchdog(self) -> None:
        """The loops that do the work are alive."""
        self._tell("WATCHDOG=1\n")

    def trigger(self) -> None:
        """Something is broken: the manager acts as if the signs of life had stopped."""
        self._owed += "WATCHDOG=trigger\n"
        self._tell()

    def extend(self, limit_s: float) -> None:
        """What is under way may take so much longer, from now on."""
        self._tell(f"EXTEND_TIMEOUT_USEC={int(limit_s * 1e6)}\n")

    def keep(self, name: str, descriptor: int) -> None:
        """Have the manager keep a copy of the descriptor (`FileDescriptorStoreMax=`); lost if its queue is full."""
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [descriptor]))
        with contextlib.suppress(OSError):
            self._systemd.socket.sendmsg([f"FDSTORE=1\nFDNAME={name}\n".encode("ascii")], [rights], socket.MSG_NOSIGNAL)

    def let_go(self, name: str) -> None:
        """Have the manager close what it keeps under that name."""
        self._tell(f"FDSTOREREMOVE=1\nFDNAME={name}\n")

    @property
    def watchdog_interval_s(self) -> float | None:
        """Half of what the manager allows between two signs of life; None where it does not watch."""
        return self._watchdog_interval_s

    def close(self) -> None:
        """Close the socket."""
        self._systemd.socket.close()

    def _tell(self, message: str = "") -> None:
        try:
            self._systemd.notify(self._owed + message)
        except OSError:  # the queue is full or the manager restarts
            return
        self._owed = ""


class NullNotifier:
    """The `Notifier` port where no service manager listens."""

    def ready(self) -> None:
        """Nobody listens."""

    def status(self, text: str) -> None:
        """Nobody listens."""

    def reloading(self) -> None:
        """Nobody listens."""

    def stopping(self) -> None:
        """Nobody listens."""

    def watchdog(self) -> None:
        """Nobody listens."""

    def trigger(self) -> None:
        """Nobody listens."""

    def extend(self, limit_s: float) -> None:
        """Nobody listens."""

    def keep(self, name: str, descriptor: int) -> None:
        """Nobody listens."""

    def let_go(self, name: str) -> None:
        """Nobody listens."""

    @property
    def watchdog_interval_s(self) -> None:
        """Nobody watches."""
        return None

    def close(self) -> None:
        """Nothing is open."""


def notifier_from_environment() -> SystemdNotifier | NullNotifier:
    """The notifier that this process's environment calls for: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID."""
    if not _somebody_listens(os.environ.get("NOTIFY_SOCKET", "")):
        return NullNotifier()
    return SystemdNotifier(SystemClock(), watchdog_interval_s(os.environ))


def _somebody_listens(address: str) -> bool:
    """Asked before sdnotify is made, which forgets to close its socket where nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect("\0" + address[1:] if address.startswith("@") else address)
        except OSError:
            return False
    return True


def watchdog_interval_s(environment: Mapping[str, str]) -> float | None:
    """Half the watchdog's limit in seconds, as sd_watchdog_enabled(3) advises; None if it is not meant for this process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    limit_us = environment.get("WATCHDOG_USEC", "")
    if not (limit_us.isascii() and limit_us.isdigit()) or int(limit_us) == 0:
        return None
    return int(limit_us) / 1e6 / 2


def safe_status(text: str) -> str:
    """The text as one bounded line of printable ASCII."""
    escaped = printable(text[:MAX_STATUS_BYTES]).encode("ascii", "backslashreplace")
    return escaped[:MAX_STATUS_BYTES].decode("ascii")
