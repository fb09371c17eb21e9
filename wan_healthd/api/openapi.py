"""The API's description in OpenAPI 3.1, made from the table of routes, the structs, and their docstrings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from wan_healthd.api import schemas
from wan_healthd.api.routing import TARGET, Route
from wan_healthd.api.statuses import STATUS_BY_CODE
from wan_healthd.domain.callers import CallerRole
from wan_healthd.wire.answers import ErrorAnswer, OpenApiDocument

Json = dict[str, Any]

OPENAPI = "3.1.0"
ABOUT = """Watches WAN2.2 model files and says exactly what is broken. HTTP/1.1 with JSON over a Unix socket.

Ids of models may hold `/`, written %2F. Times are RFC 3339 in UTC, sizes in bytes, durations in seconds, unless a key says
otherwise. Answers may gain keys; what is not known is to be ignored. A body is JSON whatever its Content-Type says, and
none means all defaults. Whoever may open the socket may read; to act takes root, the daemon's own user, or its act group.
Requests with `Origin` or `Referer`, or for another host than `localhost`, are refused."""

ALWAYS_POSSIBLE = (400, 403, 500, 503)
WITH_TARGET, WITH_BODY = (404,), (408, 413)
OF_CONTROL = {"/v1/reload": (422, 501), "/v1/log-level": (501,)}
WHERE_FULL = {"/v1/generations/start": (409,), "/v1/generations/{id}/renew": (409,)}
_NAME_EXAMPLES = {"models": "Wan-AI/Wan2.2-TI2V-5B", "jobs": "1", "alerts": "1", "generations": "1"}


def document(routes: Sequence[Route], version: str) -> OpenApiDocument:
    """All of it; the order of the table is kept."""
    asked = schemas.of_requests({route.fields: None for route in routes})
    structs = {**asked, **schemas.of_answers({**{route.answer: None for route in routes}, ErrorAnswer: None})}
    paths: dict[str, Json] = {}
    for route in routes:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route, structs)
    return OpenApiDocument(
        openapi=OPENAPI,
        info={"title": "wan-healthd", "version": version, "description": ABOUT},
        servers=({"url": "http://localhost", "description": "over the socket /run/wan-healthd/control.sock"},),
        paths=paths,
        components={"schemas": structs, "responses": {f"error-{status}": _refused(status) for status in _errors()}},
    )


def _operation(route: Route, structs: Json) -> Json:
    room, name = route.handler.__module__.rpartition(".")[2], getattr(route.handler, "__name__", "")
    summary = (route.handler.__doc__ or "").strip()
    access = "Anyone who can open the socket." if route.access is CallerRole.READER else "Root, its own user, its act group."
    operation: Json = {
        "operationId": f"{room}-{name}".replace("_", "-"),
        "tags": [room],
        "summary": summary,
        "description": f"Who may: {access}",
        "parameters": [*_path_parameters(route), *_query_parameters(route, structs)],
        "responses": {str(route.status): _answered(route), **_refusals(route)},
    }
    if route.method == "POST":
        operation["requestBody"] = {"required": _has_required(route, structs), "content": _json(route.fields)}
    return operation


def _path_parameters(route: Route) -> Iterable[Json]:
    if TARGET in route.template:
        example = _NAME_EXAMPLES[route.template.split("/")[2]]
        yield {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}, "example": example}


def _query_parameters(route: Route, structs: Json) -> Iterable[Json]:
    if route.method == "GET":
        for name, schema in structs[route.fields.__name__]["properties"].items():
            yield {"name": name, "in": "query", "required": False, "schema": _queryable(schema)}


def _queryable(schema: Json) -> Json:
    """In a query nothing is null: what is left out is."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    return options[0] if options else schema


def _answered(route: Route) -> Json:
    told = "It goes on; ask for its end" if route.status == HTTPStatus.ACCEPTED else "Done"
    return {"description": told, "content": _json(route.answer)}


def _refusals(route: Route) -> Json:
    statuses = {*ALWAYS_POSSIBLE, *OF_CONTROL.get(route.template, ()), *WHERE_FULL.get(route.template, ())}
    statuses |= set(WITH_TARGET) if TARGET in route.template else set()
    statuses |= set(WITH_BODY) if route.method == "POST" else set()
    return {str(status): {"$ref": f"#/components/responses/error-{status}"} for status in sorted(statuses)}


def _refused(status: int) -> Json:
    codes = ", ".join(code for code, its in STATUS_BY_CODE.items() if its == status)
    return {"description": f"{HTTPStatus(status).phrase}: {codes}", "content": _json(ErrorAnswer)}


def _errors() -> list[int]:
    return sorted(set(STATUS_BY_CODE.values()))


def _json(struct: type[Struct]) -> Json:
    return {"application/json": {"schema": schemas.reference(struct)}}


def _has_required(route: Route, structs: Json) -> bool:
    return bool(structs[route.fields.__name__].get("required"))
