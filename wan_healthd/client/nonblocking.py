"""One request to the daemon, without blocking the event loop. The counterpart of `connection`.

It works on the socket itself: asyncio's streams drop what was received as soon as sending fails, and with it the words of a
server that turns us away before it has read anything.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from contextlib import suppress

from wan_healthd.client.connection import CONNECT_S, RETRY_S, attempt, broken, request, too_slow
from wan_healthd.client.discovery import Place
from wan_healthd.client.errors import DaemonBusy
from wan_healthd.client.http import HttpAnswer, reading


async def exchange(places: Sequence[Place], method: str, target: str, body: bytes | None, timeout_s: float) -> HttpAnswer:
    """As `connection.exchange`; cancelling it closes the connection."""
    with await _connected(places) as connection:
        try:
            async with asyncio.timeout(timeout_s):
                with suppress(BrokenPipeError):  # a server that turns us away says why before it hangs up
                    await asyncio.get_running_loop().sock_sendall(connection, request(method, target, body))
                return await _answer(connection)
        except TimeoutError:
            raise too_slow(timeout_s) from None
        except OSError as error:
            raise broken(error) from None


async def _connected(places: Sequence[Place]) -> socket.socket:
    """As `connection.connect`; asyncio's own way takes a socket without room for one that is about to connect."""
    deadline = time.monotonic() + CONNECT_S
    while True:
        try:
            return attempt(places)
        except DaemonBusy:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(RETRY_S)


async def _answer(connection: socket.socket) -> HttpAnswer:
    loop, steps = asyncio.get_running_loop(), reading()
    wanted = next(steps)
    while True:
        received = await loop.sock_recv(connection, wanted)
        try:
            wanted = steps.send(received)
        except StopIteration as end:
            answer: HttpAnswer = end.value
            return answer
