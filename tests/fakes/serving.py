"""The real server on a real socket with the fake facade behind it, for tests of the API, the client and the commands."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.fakes.facade import FakeFacade
from wan_healthd.api.limits import DEFAULT_LIMITS, Limits
from wan_healthd.api.server import serve
from wan_healthd.api.sockets import bind
from wan_healthd.version import __version__

ROOT_GROUP = frozenset({0})


class RecordingLog:
    """Keeps what it is told: (level, event, facts)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def info(self, event: str, **facts: object) -> None:
        self.lines.append(("info", event, facts))

    def warning(self, event: str, **facts: object) -> None:
        self.lines.append(("warning", event, facts))

    def error(self, event: str, **facts: object) -> None:
        self.lines.append(("error", event, facts))

    def events(self) -> list[str]:
        return [event for _, event, _ in self.lines]


class Served(NamedTuple):
    """A server that answers at `path`."""

    path: str
    facade: FakeFacade
    log: RecordingLog
    call_soon: Callable[[Callable[[], None]], None]
    """Runs something in the server's event loop."""

    def exchange(self, request: bytes, *, timeout_s: float = 5.0) -> bytes:
        """All that comes back for these bytes until the server hangs up."""
        with self.connect(timeout_s) as connection:
            with contextlib.suppress(BrokenPipeError):  # it may be turned away before it has asked
                connection.sendall(request)
            return drain(connection)

    def connect(self, timeout_s: float = 5.0) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout_s)
        connection.connect(self.path)
        return connection


def drain(connection: socket.socket) -> bytes:
    """Everything until the end of the stream."""
    received = bytearray()
    try:
        while more := connection.recv(65536):
            received += more
    except ConnectionResetError:
        pass
    return bytes(received)


@contextmanager
def serving(
    folder: Path,
    *,
    facade: FakeFacade | None = None,
    act_gids: frozenset[int] = ROOT_GROUP,
    version: str = __version__,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Served]:
    """Serves in a thread of its own until the block ends."""
    ready: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    is_ready = threading.Event()
    served = Served(
        path=str(folder / "control.sock"),
        facade=facade or FakeFacade(),
        log=RecordingLog(),
        call_soon=lambda call: run_soon(ready[0][0], call),
    )

    async def live() -> None:
        control = bind(served.path, None)
        api = await serve(served.facade, [control.listener], version=version, act_gids=act_gids, log=served.log, limits=limits)
        stop = asyncio.Event()
        ready.append((asyncio.get_running_loop(), stop))
        is_ready.set()
        await stop.wait()
        await api.close(grace_s=0.1)
        control.remove()

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    try:
        assert is_ready.wait(10)
        yield served
    finally:
        served.call_soon(ready[0][1].set)
        thread.join(10)


def run_soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(call)
