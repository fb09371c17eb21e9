"""What a route is, and which one a request means. Pure: strings in, a route or a refusal out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from wan_healthd.api.errors import UnknownPath, WrongMethod
from wan_healthd.domain.callers import Caller, CallerRole
from wan_healthd.domain.errors import InvalidRequest
from wan_healthd.domain.paths import printable
from wan_healthd.wire.facade import HealthFacade

T = TypeVar("T")

TARGET = "{id}"
"""The one segment of a template that stands for a name."""


class NoFields(Struct, frozen=True, forbid_unknown_fields=True):
    """A request that says nothing beyond its path."""


class Ask(Struct, Generic[T], frozen=True):
    """One request, decoded and permitted.

    Args:
        target: what `{id}` stood for, percent-decoded once; "" where the template has none. A name to look up, never a path.
        fields: the body of a POST, the query of a GET.
        version: of this server.
    """

    facade: HealthFacade
    caller: Caller
    target: str
    fields: T
    version: str


class Route(Struct, frozen=True):
    """One row of the API.

    Args:
        template: the path; a segment `{id}` stands for one name, in which a slash is written %2F.
        access: ACTOR where it changes something.
        fields: the struct of the body (POST) or of the query (GET).
        handler: from the decoded request to the answer; raises HealthdError.
        answer: the struct it answers with.
        status: of a good answer.
    """

    method: str
    template: str
    access: CallerRole
    fields: type[Struct]
    handler: Callable[[Ask[Any]], Awaitable[Struct]]
    answer: type[Struct]
    status: int = 200


class Match(Struct, frozen=True):
    """A route and what `{id}` stands for in this request; `query` is still encoded."""

    route: Route
    target: str
    query: str


def match(routes: Sequence[Route], method: str, raw_target: str) -> Match:
    """Find the route of a request by its path as it was sent, so that an encoded slash stays inside its segment.

    `raw_target` is path and query as they stand in the request line.

    Raises:
        UnknownPath: no template fits.
        WrongMethod: one does, with another method.
        InvalidRequest: the name in the path is not UTF-8.
    """
    path, _, query = raw_target.partition("?")
    segments = path.split("/")
    fitting = [route for route in routes if _fits(route.template.split("/"), segments)]
    if not fitting:
        raise UnknownPath(
            f"cannot find {printable(path[:200])} here",
            "see the API's documentation for its paths; a slash in a name is written %2F",
        )
    for route in fitting:
        if route.method == method:
            return Match(route, _target(route.template.split("/"), segments), query)
    allowed = tuple(route.method for route in fitting)
    raise WrongMethod(
        f"cannot {printable(method[:20])} {printable(path[:200])}", f"use {' or '.join(allowed)} for this path", allowed
    )


def _fits(template: Sequence[str], segments: Sequence[str]) -> bool:
    if len(template) != len(segments):
        return False
    return all(
        given != "" if wanted == TARGET else given == wanted for wanted, given in zip(template[1:], segments[1:], strict=True)
    )


def _target(template: Sequence[str], segments: Sequence[str]) -> str:
    for wanted, given in zip(template, segments, strict=True):
        if wanted == TARGET:
            return _decoded(given)
    return ""


def _decoded(segment: str) -> str:
    try:
        return unquote_to_bytes(segment.encode("utf-8", "surrogateescape")).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest(
            "cannot read the name in the path: it is not UTF-8", "percent-encode its UTF-8 bytes, as `healthctl` does"
        ) from None
