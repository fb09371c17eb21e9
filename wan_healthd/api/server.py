"""The HTTP server; the only file that knows aiohttp.

aiohttp parses, we judge: its low-level server hands over heads and bodies, and every answer, also to what is not HTTP at all,
is made by `dispatch`. Limits bound what a hostile client can hold: size and time of a head (aiohttp's own limits), of a body,
of an answer that nobody reads, and the number of connections, in all and of one user.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from typing import cast

from aiohttp.web_exceptions import HTTPRequestEntityTooLarge
from aiohttp.web_protocol import RequestHandler, RequestPayloadError
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response, StreamResponse
from aiohttp.web_server import Server
from msgspec import Struct

from wan_healthd.api.dispatch import BODY_TIME_S, Dispatcher, Reply, Request, refusal
from wan_healthd.api.errors import BodyTooLarge, TooManyConnections
from wan_healthd.api.log import Log
from wan_healthd.api.peers import ROOT, caller_of
from wan_healthd.api.routes import ROUTES
from wan_healthd.domain.callers import Caller
from wan_healthd.domain.errors import InvalidRequest
from wan_healthd.wire.facade import HealthFacade

LARGEST_BODY = 1 << 20
"""Bytes; also aiohttp's own default (`client_max_size`), which bounds bodies that do not state their length."""


_TRANSPORT_ROUNDS = 5


class Limits(Struct, frozen=True):
    """What one client, and all together, may hold. Seconds and counts.

    Args:
        idle_s: from connecting, or from the last answer, to the end of the next request's head.
        body_s: from there to the end of its body.
        send_s: until the client has taken an answer.
        connections, connections_of_user: open at a time; root is bound only by the first. Well below the usual limit of
            1024 descriptors, of which the rest of the daemon needs its share.
    """

    idle_s: float = 15.0
    body_s: float = BODY_TIME_S
    send_s: float = 60.0
    connections: int = 512
    connections_of_user: int = 128


DEFAULT_LIMITS = Limits()


class ApiServer:
    """A running server; `close` ends it. Made by `serve`."""

    def __init__(self, http: Server, listening: Sequence[asyncio.Server]) -> None:
        self._http = http
        self._listening = listening

    async def close(self, grace_s: float = 0.5) -> None:
        """Take no more connections, let running requests finish for `grace_s`, then cut them off; at most twice that.

        The listeners are closed; their nodes in the file system stay, `sockets.ControlSocket.remove` takes ours away.
        """
        loop = asyncio.get_running_loop()
        for listener in (listener for server in self._listening for listener in server.sockets):
            loop.remove_reader(listener.fileno())
        # Those accepted just now become connections that shutdown knows; Python 3.11 would leak them if we closed first.
        await _let_transports_move_on()
        for server in self._listening:
            server.close()
        self._http.pre_shutdown()
        await self._http.shutdown(grace_s)
        await _let_transports_move_on()  # those closed just now close their sockets


async def serve(
    facade: HealthFacade,
    listeners: Sequence[socket.socket],
    *,
    version: str,
    act_gids: frozenset[int],
    log: Log,
    limits: Limits = DEFAULT_LIMITS,
) -> ApiServer:
    """Answer on `listeners` until `close`. On return the sockets accept.

    Args:
        facade: what the routes ask.
        listeners: bound, listening Unix stream sockets; the server owns them from now on.
        version: told in every answer.
        act_gids: groups whose members may act, beside root and the daemon's own user.
        log: is told of every act, of refused acts, and of our own faults.
        limits: what clients may hold.
    """
    product = f"wan-healthd/{version}"
    responder = _Responder(Dispatcher(facade, ROUTES, version, log, limits.body_s), product, limits.send_s)
    http = Server(responder.respond)
    door = _Door(http, act_gids, os.geteuid(), product, limits)
    loop = asyncio.get_running_loop()
    listening = [await loop.create_server(door.connection, sock=listener) for listener in listeners]
    return ApiServer(http, listening)


async def _let_transports_move_on() -> None:
    """Run what asyncio has scheduled between accepting and `connection_made`, and between closing and `connection_lost`.

    Each takes up to three rounds of the loop (asyncio.selector_events), and there is nothing to await.
    """
    for _ in range(_TRANSPORT_ROUNDS):
        await asyncio.sleep(0)


class _Responder:
    """Translates between aiohttp and the dispatcher."""

    def __init__(self, dispatcher: Dispatcher, product: str, send_s: float) -> None:
        self._dispatcher = dispatcher
        self._product = product
        self._send_s = send_s

    async def respond(self, request: BaseRequest) -> StreamResponse:
        """One request, answered and sent; cut off where the client does not take the answer."""
        connection = cast(_Connection, request.protocol)
        asked = Request(request.method, request.raw_path, tuple(request.headers.items()), lambda: _read_body(request))
        response = _response(await self._dispatcher.answer(asked, connection.caller), self._product)
        try:
            async with asyncio.timeout(self._send_s):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the client does not take its answer") from None
        return response


class _Door:
    """Makes a handler for each connection and says whether there is room for it."""

    def __init__(self, http: Server, act_gids: frozenset[int], own_uid: int, product: str, limits: Limits) -> None:
        self._http = http
        self._act_gids = act_gids
        self._own_uid = own_uid
        self._limits = limits
        self.product = product

    def connection(self) -> _Connection:
        """A protocol for one connection that is about to be accepted."""
        return _Connection(self, self._http, self._limits.idle_s)

    def caller_of(self, connection: socket.socket) -> Caller:
        """The peer, by the kernel's word."""
        return caller_of(connection, self._act_gids, self._own_uid)

    def has_room_for(self, caller: Caller) -> bool:
        """Whether one more connection of this caller is within bounds; those whose handler still runs count too."""
        uids = [cast(_Connection, other).caller.uid for other in self._http.connections]
        if len(uids) >= self._limits.connections:
            return False
        return caller.uid == ROOT or uids.count(caller.uid) < self._limits.connections_of_user


class _Connection(RequestHandler):
    """One connection: knows its caller, and answers what is not HTTP in the contract's shape."""

    __slots__ = ("_door", "caller")

    caller: Caller

    def __init__(self, door: _Door, http: Server, idle_s: float) -> None:
        super().__init__(
            http,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=idle_s,
            tcp_keepalive=False,
            access_log=None,  # type: ignore[arg-type] # aiohttp's way to say: none
            auto_decompress=False,  # a body is at most as large as what was sent
            lingering_time=1.0,
        )
        self._door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn who it is, and turn away whom there is no room for."""
        stream = cast(asyncio.Transport, transport)
        self.caller = self._door.caller_of(stream.get_extra_info("socket"))
        if self._door.has_room_for(self.caller):
            super().connection_made(transport)
            return
        stream.set_protocol(asyncio.Protocol())
        stream.write(_turned_away(self._door.product))
        stream.close()

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> StreamResponse:
        """The answer to what aiohttp could not parse; the reason stays here, since it quotes the client's bytes."""
        error = InvalidRequest("cannot read the request: it is not proper HTTP, or its head is too large", "speak HTTP/1.1")
        response = _response(refusal(error), self._door.product)
        response.force_close()
        return response

    def log_exception(self, *args: object, **kw: object) -> None:
        """Silent: our own faults are logged by the dispatcher, and clients that vanish are none."""


def _response(reply: Reply, product: str) -> Response:
    headers = {**dict(reply.headers), "Server": product}
    return Response(status=reply.status, body=reply.body, content_type="application/json", headers=headers)


def _turned_away(product: str) -> bytes:
    reply = refusal(TooManyConnections("cannot serve another connection now: too many are open", "try again in a moment"))
    head = (
        f"HTTP/1.1 {reply.status} Service Unavailable\r\nServer: {product}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(reply.body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + reply.body


async def _read_body(request: BaseRequest) -> bytes:
    too_large = BodyTooLarge(f"cannot take a body of more than {LARGEST_BODY} bytes", "send less")
    if (request.content_length or 0) > LARGEST_BODY:
        raise too_large
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        return await request.read()
    except HTTPRequestEntityTooLarge:
        raise too_large from None
    except (RequestPayloadError, ConnectionError):
        raise InvalidRequest("cannot read the body: it is not proper HTTP", "speak HTTP/1.1") from None
