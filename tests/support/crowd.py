"""Clients in a crowd, each a coroutine with a connection of its own: honest, stalled, confused, or far too talkative."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

TURNED_AWAY = 503
CUT_OFF = 0
PATIENCE_S = 30.0
GIB = 1 << 30

HEAD = b"GET %b HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /v1/sweeps/resume HTTP/1.1\r\nHost: localhost\r\n"
HALF_SENT = HEAD % b"/v1/status"
GARBAGE = b"\x16\x03\x01\x02\x00" + bytes(range(256)) * 20 + b"\r\n\r\n"
DECLARED = POST + b"Content-Length: %d\r\n\r\n{" % GIB


class Crowd:
    """Clients of the daemon whose socket is at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def ask(self, target: str, times: int = 1) -> list[int]:
        """Ask again and again over one connection; the statuses. Asks again where it is turned away."""
        statuses: list[int] = []
        while len(statuses) < times:
            reader, writer = await self._connect()
            try:
                while len(statuses) < times:
                    writer.write(HEAD % target.encode() + b"\r\n")
                    status = await _answer(reader)
                    if status == TURNED_AWAY:
                        await asyncio.sleep(0.1)
                        break
                    statuses.append(status)
            except (ConnectionError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.1)
            finally:
                writer.transport.abort()
        return statuses

    @asynccontextmanager
    async def conversation(self) -> AsyncIterator[Callable[[str], Awaitable[float]]]:
        """A connection that is kept; ask over it as often as wanted, for the seconds that the server says it took."""
        reader, writer = await self._connect()

        async def say(target: str) -> float:
            writer.write(HEAD % target.encode() + b"\r\n")
            lines = await _answered(reader)
            if lines[0].split()[1] != b"200":
                raise ConnectionError(f"{target}: {lines[0].decode()}")
            return float(_field(lines, b"server-timing").rpartition(b"dur=")[2]) / 1e3

        try:
            yield say
        finally:
            writer.transport.abort()

    async def stall(self, request: bytes, until: asyncio.Event) -> None:
        """Send that, and neither read nor hang up."""
        _, writer = await self._connect()
        writer.transport.pause_reading()  # type: ignore[attr-defined] # transports of streams can
        writer.write(request)
        await until.wait()
        writer.transport.abort()

    async def send(self, request: bytes) -> int:
        """Send that whole; the status of the answer, CUT_OFF where the answer went under with the connection.

        Whoever hangs up on what it did not read resets the connection, and with it what it said last (unix(7)).
        """
        reader, writer = await self._connect()
        try:
            writer.write(request)
            return await _answer(reader)
        except (ConnectionError, asyncio.IncompleteReadError):
            return CUT_OFF
        finally:
            writer.transport.abort()

    async def pour(self, total_bytes: int = GIB) -> int:
        """Send a body that does not say how long it is, until somebody says stop; how much was taken."""
        _, writer = await self._connect()
        taken = 0
        try:
            writer.write(POST + b"Transfer-Encoding: chunked\r\n\r\n")
            while taken < total_bytes:
                writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
                await writer.drain()
                taken += 65536
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()
        return taken

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """asyncio itself takes the EAGAIN of a full backlog (unix(7)) for a connection that is under way."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        while True:
            try:
                connection.connect(str(self._path))
            except BlockingIOError:
                await asyncio.sleep(0.01)
            else:
                return await asyncio.open_unix_connection(sock=connection)


async def all_of(clients: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """What each of them got."""
    async with asyncio.timeout(PATIENCE_S):
        return list(await asyncio.gather(*clients))


async def _answer(reader: asyncio.StreamReader) -> int:
    return int((await _answered(reader))[0].split()[1])


async def _answered(reader: asyncio.StreamReader) -> list[bytes]:
    """The lines of the head, in lower case; the body is read, too."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    await reader.readexactly(int(_field(lines, b"content-length")))
    return lines


def _field(lines: list[bytes], name: bytes) -> bytes:
    return next(line.partition(b":")[2].strip() for line in lines if line.startswith(name + b":"))
