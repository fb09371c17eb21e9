"""One request from its head to the bytes of its answer, without knowing the HTTP library.

The place that isolates one request from the others: whatever is raised below becomes an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from msgspec import Struct

from wan_healthd.api.decoding import decode_body, decode_query
from wan_healthd.api.errors import InternalError, RequestTooSlow, WrongMethod, error_answer
from wan_healthd.api.guards import guard
from wan_healthd.api.log import Log
from wan_healthd.api.routing import Ask, Match, Route, match
from wan_healthd.api.statuses import INTERNAL, status_of
from wan_healthd.domain.callers import Caller, CallerRole
from wan_healthd.domain.errors import HealthdError, NotPermitted
from wan_healthd.domain.paths import printable
from wan_healthd.wire.facade import HealthFacade

BODY_TIME_S = 10.0
"""A body must be complete this many seconds after its head."""


class Request(Struct, frozen=True):
    """A request's head as received.

    Args:
        raw_target: path and query, still percent-encoded; bytes that are not UTF-8 as surrogates.
        headers: names and values, repeats included.
        read_body: reads the body; raises BodyTooLarge, or InvalidRequest where it is not proper HTTP.
    """

    method: str
    raw_target: str
    headers: Sequence[tuple[str, str]]
    read_body: Callable[[], Awaitable[bytes]]


class Reply(Struct, frozen=True):
    """An answer: JSON in `body`; `headers` beyond the usual ones."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def refusal(error: HealthdError) -> Reply:
    """The answer that tells of an error."""
    headers = (("Allow", ", ".join(error.allowed)),) if isinstance(error, WrongMethod) else ()
    return Reply(status_of(error.code), msgspec.json.encode(error_answer(error)), headers)


class Dispatcher:
    """Guards, routes, permits, decodes, calls the handler and encodes.

    Args:
        version: of this server, for answers that tell it.
        body_time_s: how long a body may take.
    """

    def __init__(
        self, facade: HealthFacade, routes: Sequence[Route], version: str, log: Log, body_time_s: float = BODY_TIME_S
    ) -> None:
        self._facade = facade
        self._routes = routes
        self._version = version
        self._log = log
        self._body_time_s = body_time_s
        self._encoded: tuple[object, bytes] = (None, b"null")

    async def answer(self, request: Request, caller: Caller) -> Reply:
        """The answer to one request; raises nothing but cancellation."""
        try:
            return await self._answer(request, caller)
        except HealthdError as error:
            if status_of(error.code) == INTERNAL:
                self._log.error("request-failed", **_facts(request, caller), exc_info=error)
            return refusal(error)
        except Exception as error:
            self._log.error("request-failed", **_facts(request, caller), exc_info=error)
            return refusal(InternalError())

    async def _answer(self, request: Request, caller: Caller) -> Reply:
        guard(request.headers)
        found = match(self._routes, request.method, request.raw_target)
        self._permit(found.route, request, caller)
        fields = await self._fields(found, request)
        if found.route.access is CallerRole.ACTOR:
            self._log.info("act", **_facts(request, caller))
        ask = Ask(self._facade, caller, found.target, fields, self._version)
        return Reply(found.route.status, self._encode(await found.route.handler(ask)))

    def _encode(self, answer: object) -> bytes:
        """Many who ask at once share one answer; the last is kept as it was encoded. Answers are frozen."""
        if answer is not self._encoded[0]:
            self._encoded = answer, msgspec.json.encode(answer)
        return self._encoded[1]

    def _permit(self, route: Route, request: Request, caller: Caller) -> None:
        if route.access is CallerRole.READER or caller.role is CallerRole.ACTOR:
            return
        self._log.warning("act-refused", **_facts(request, caller))
        raise NotPermitted(
            f"cannot do that for uid {caller.uid}: it may look but not act",
            "ask as root, as the daemon's own user, or as a member of its act group ([api] act_group)",
        )

    async def _fields(self, found: Match, request: Request) -> Struct:
        if found.route.method == "GET":
            return decode_query(found.query, found.route.fields)
        try:
            async with asyncio.timeout(self._body_time_s):
                body = await request.read_body()
        except TimeoutError:
            raise RequestTooSlow(
                f"cannot wait longer for the body: it was not complete after {self._body_time_s:g} s", "send it at once"
            ) from None
        return decode_body(body, found.route.fields)


def _facts(request: Request, caller: Caller) -> dict[str, object]:
    return {
        "method": printable(request.method[:20]),
        "target": printable(request.raw_target[:1000]),
        "uid": caller.uid,
        "pid": caller.pid,
    }
