"""The HTTP server; the only file that knows aiohttp.

aiohttp parses, we judge: its low-level server hands over heads and bodies, and every answer, also to what is not HTTP at all,
is made by `dispatch`. Limits bound what a hostile client can hold: size and time of a head (aiohttp's own limits), of a body,
of an answer that nobody reads, and the number of connections, in all and of one user.
"""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import time
from collections.abc import Sequence
from typing import cast

from aiohttp.web_exceptions import HTTPRequestEntityTooLarge
from aiohttp.web_protocol import RequestHandler, RequestPayloadError
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response, StreamResponse
from aiohttp.web_server import Server

from wan_healthd.api.dispatch import Dispatcher, Reply, Request, refusal
from wan_healthd.api.errors import BodyTooLarge, TooManyConnections, TooMuchUnread
from wan_healthd.api.limits import ACCEPTED_AT_ONCE, DEFAULT_LIMITS, MOST_WAITING, Limits, who_goes, within_descriptors
from wan_healthd.api.log import Log
from wan_healthd.api.peers import caller_of
from wan_healthd.api.routes import ROUTES
from wan_healthd.domain.callers import Caller
from wan_healthd.domain.errors import InvalidRequest
from wan_healthd.wire.facade import HealthFacade

LARGEST_BODY = 1 << 20
"""Bytes; also aiohttp's own default (`client_max_size`), which bounds bodies that do not state their length."""

_TRANSPORT_ROUNDS = 5


class ApiServer:
    """A running server; `close` ends it. Made by `serve`."""

    def __init__(self, http: Server, responder: _Responder, listening: Sequence[asyncio.Server]) -> None:
        self._http = http
        self._responder = responder
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
        await self._responder.close()
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
    limits = within_descriptors(limits, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    responder = _Responder(Dispatcher(facade, ROUTES, version, log, limits.body_s), product, limits)
    http = Server(responder.respond, handler_cancellation=True)
    door = _Door(http, act_gids, os.geteuid(), product, limits)
    loop = asyncio.get_running_loop()
    listening = [await loop.create_server(door.connection, sock=listener, backlog=ACCEPTED_AT_ONCE) for listener in listeners]
    for listener in listeners:
        listener.listen(MOST_WAITING)  # asyncio takes one number for both
    return ApiServer(http, responder, listening)


async def _let_transports_move_on() -> None:
    """Run what asyncio has scheduled between accepting and `connection_made`, and between closing and `connection_lost`.

    Each takes up to three rounds of the loop (asyncio.selector_events), and there is nothing to await.
    """
    for _ in range(_TRANSPORT_ROUNDS):
        await asyncio.sleep(0)


class _Responder:
    """Translates between aiohttp and the dispatcher."""

    def __init__(self, dispatcher: Dispatcher, product: str, limits: Limits) -> None:
        self._dispatcher = dispatcher
        self._product = product
        self._limits = limits
        self._unsent_bytes = 0
        self._acts: set[asyncio.Task[Reply]] = set()

    async def respond(self, request: BaseRequest) -> StreamResponse:
        """One request, answered and sent; cut off where the client does not take the answer."""
        connection = cast(_Connection, request.protocol)
        connection.idle_since = None
        try:
            return await self._respond(request, connection)
        finally:
            connection.idle_since = asyncio.get_running_loop().time()

    async def _respond(self, request: BaseRequest, connection: _Connection) -> StreamResponse:
        asked = Request(request.method, request.raw_path, tuple(request.headers.items()), lambda: _read_body(request))
        reply = self._bounded(await self._answer(asked, connection.caller))
        self._unsent_bytes += len(reply.body)
        response = _response(reply, self._product)
        response.headers["Server-Timing"] = f"total;dur={(time.perf_counter() - connection.received_at) * 1e3:.3f}"
        try:
            async with asyncio.timeout(self._limits.send_s):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the client does not take its answer") from None
        finally:
            self._unsent_bytes -= len(reply.body)
        return response

    async def _answer(self, asked: Request, caller: Caller) -> Reply:
        """The answer. A question ends with the client that asked it (long polls would pile up), an act once begun goes on."""
        if asked.method == "GET":
            return await self._dispatcher.answer(asked, caller)
        act = asyncio.create_task(self._dispatcher.answer(asked, caller))
        self._acts.add(act)
        act.add_done_callback(self._acts.discard)
        return await asyncio.shield(act)

    async def close(self) -> None:
        """Cut off the acts that still run."""
        for act in self._acts:
            act.cancel()
        await asyncio.gather(*self._acts, return_exceptions=True)

    def _bounded(self, reply: Reply) -> Reply:
        """The answer, unless others that nobody takes fill all the room there is for them."""
        if self._unsent_bytes == 0 or self._unsent_bytes + len(reply.body) <= self._limits.unsent_bytes:
            return reply
        return refusal(TooMuchUnread("cannot answer now: other clients do not take their answers", "try again in a moment"))


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

    def make_room_for(self, caller: Caller) -> None:
        """See to it that one more connection of this caller is within bounds; those whose handler still runs count too.

        Raises:
            TooManyConnections: it is not, and nobody can be sent away.
        """
        guests = [cast(_Connection, guest) for guest in self._http.connections]
        goes = who_goes(guests, caller, self._limits, asyncio.get_running_loop().time())
        if goes is not None:
            goes.idle_since = None  # nobody is sent away twice
            goes.force_close()


class _Connection(RequestHandler):
    """One connection: knows its caller, and answers what is not HTTP in the contract's shape."""

    __slots__ = ("_door", "caller", "idle_since", "received_at")

    caller: Caller
    idle_since: float | None
    received_at: float

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
        self.idle_since = asyncio.get_running_loop().time()

    def data_received(self, data: bytes) -> None:
        """From here on a client waits for us; what it waited for is told in Server-Timing."""
        self.received_at = time.perf_counter()
        super().data_received(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn who it is, and turn away whom there is no room for."""
        stream = cast(asyncio.Transport, transport)
        self.caller = self._door.caller_of(stream.get_extra_info("socket"))
        try:
            self._door.make_room_for(self.caller)
        except TooManyConnections as error:
            stream.set_protocol(asyncio.Protocol())
            stream.write(_turned_away(error, self._door.product))
            stream.close()
        else:
            super().connection_made(transport)

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


def _turned_away(error: TooManyConnections, product: str) -> bytes:
    reply = refusal(error)
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
