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
from wan_healthd.client.errors import ClientError, DaemonUnreachable
from wan_healthd.client.http import HttpAnswer, read_answer
from wan_healthd.version import __version__

CONNECT_S = 5.0
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
            _send(connection, _request(method, target, body))
            return read_answer(receive)
        except TimeoutError:
            raise DaemonUnreachable(
                f"cannot wait longer for wan-healthd: no complete answer after {timeout_s:g} s",
                "try again; if it stays so, `systemctl restart wan-healthd` and report it",
            ) from None
        except OSError as error:
            raise DaemonUnreachable(
                f"cannot reach wan-healthd: the connection broke ({error.strerror or error})",
                "try again; was it stopped just now? `systemctl status wan-healthd`",
            ) from None


def connect(places: Sequence[Place]) -> socket.socket:
    """A connection to the first of `places` where somebody answers.

    Raises:
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
        connection.settimeout(CONNECT_S)
        connection.connect(place.path)
    except BaseException:
        connection.close()
        raise
    return connection


def _request(method: str, target: str, body: bytes | None) -> bytes:
    lines = [
        f"{method} {target} HTTP/1.1",
        "Host: wan-healthd",
        f"User-Agent: healthctl/{__version__}",
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
