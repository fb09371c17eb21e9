"""One request to the daemon over its Unix socket.

Each request has a connection of its own: connecting costs 0.1 ms, and a connection that is kept can die between two requests.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence

from wan_healthd.client import diagnose
from wan_healthd.client.discovery import Place, is_private
from wan_healthd.client.errors import ClientError, ConnectionLost, DaemonBusy, DaemonUnreachable
from wan_healthd.client.http import HttpAnswer, read_answer
from wan_healthd.version import __version__

CONNECT_S, RETRY_S = 5.0, 0.02
LONGEST_PATH = 107
"""sun_path in unix(7), less its final NUL."""


def exchange(places: Sequence[Place], method: str, target: str, body: bytes | None, timeout_s: float) -> HttpAnswer:
    """Send a request to the daemon at the first place that answers, and read what it says.

    Args:
        places: where the socket may be.
        method: GET or POST.
        target: path and query, percent-encoded.
        body: JSON, or None.
        timeout_s: for the whole answer, from when it is connected.

    Raises:
        ClientError: nobody answers, we may not, it takes too long, or the answer is not proper HTTP.
    """
    with connect(places) as connection:
        deadline = time.monotonic() + timeout_s

        def receive(size: int) -> bytes:
            _limit(connection, deadline)
            return connection.recv(size)

        try:
            _limit(connection, deadline)
            _send(connection, request(method, target, body))
            return read_answer(receive)
        except TimeoutError:
            raise too_slow(timeout_s) from None
        except OSError as error:
            raise broken(error) from None


def too_slow(timeout_s: float) -> DaemonUnreachable:
    """No complete answer came in time."""
    return DaemonUnreachable(
        f"cannot wait longer for wan-healthd: no complete answer after {timeout_s:g} s",
        "try again; if it stays so, `systemctl restart wan-healthd` and report it",
    )


def broken(error: OSError) -> ConnectionLost:
    """The system says that the other side is gone."""
    return ConnectionLost(f"the connection broke ({error.strerror or error})")


def connect(places: Sequence[Place]) -> socket.socket:
    """A connection to the first of `places` where somebody answers; a busy daemon gets `CONNECT_S` to let us in.

    Raises:
        ClientError: as `attempt`.
    """
    deadline = time.monotonic() + CONNECT_S
    while True:
        try:
            return attempt(places)
        except DaemonBusy:
            if time.monotonic() > deadline:
                raise
        time.sleep(RETRY_S)


def attempt(places: Sequence[Place]) -> socket.socket:
    """One attempt, without waiting: a Unix socket either connects at once or has no room. The connection does not block.

    Raises:
        DaemonBusy: no room yet; worth another attempt.
        ClientError: the most telling reason: the first that is not just the absence of a socket.
    """
    telling: ClientError | None = None
    for place in places:
        try:
            return _connect(place)
        except ClientError as failure:
            telling = telling or failure
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            telling = telling or diagnose.diagnose(place.path, error)
    raise telling or diagnose.nowhere([place.path for place in places])


def _connect(place: Place) -> socket.socket:
    if not 0 < len(os.fsencode(place.path)) <= LONGEST_PATH:
        raise DaemonUnreachable(f"cannot reach wan-healthd: a socket's path has 1 to {LONGEST_PATH} bytes", diagnose.ELSEWHERE)
    folder = os.path.dirname(place.path)
    if place.private and not is_private(folder, os.getuid()):
        raise diagnose.untrusted(folder)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        connection.connect(place.path)
    except BaseException:
        connection.close()
        raise
    return connection


def request(method: str, target: str, body: bytes | None) -> bytes:
    """The bytes of a request, after whose answer the server hangs up."""
    lines = [
        f"{method} {target} HTTP/1.1",
        "Host: wan-healthd",
        f"User-Agent: wan-healthd-client/{__version__}",
        "Accept: application/json",
        "Connection: close",
    ]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + (body or b"")


def _send(connection: socket.socket, request: bytes) -> None:
    try:
        connection.sendall(request)
    except BrokenPipeError:
        return  # a server that turns us away says why before it hangs up


def _limit(connection: socket.socket, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
