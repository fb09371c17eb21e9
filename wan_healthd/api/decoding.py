"""Bodies and query strings into the structs of `wan_healthd.wire.requests`."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Struct

from wan_healthd.domain.errors import InvalidRequest
from wan_healthd.domain.paths import printable

S = TypeVar("S", bound=Struct)

MOST_FIELDS = 32
"""Fields of a query."""


def decode_body(body: bytes, wanted: type[S]) -> S:
    """The body as `wanted`; an empty one means all defaults.

    Raises:
        InvalidRequest: it is not JSON, or not of that shape; says what was expected and where.
    """
    try:
        return msgspec.json.decode(body or b"{}", type=wanted)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"cannot read the body: {_reason(error)}", f"send JSON with {_fields_of(wanted)}") from None


def decode_query(query: str, wanted: type[S]) -> S:
    """The query string as `wanted`. `+` stands for itself, as in RFC 3339 times, not for a space.

    Raises:
        InvalidRequest: a field is unknown, repeated or of the wrong type; says which.
    """
    try:
        return msgspec.convert(_pairs(query), wanted)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"cannot read the query: {_reason(error)}", f"use {_fields_of(wanted)}") from None


def _pairs(query: str) -> dict[str, str | float | bool]:
    pairs: dict[str, str | float | bool] = {}
    for part in query.split("&", MOST_FIELDS) if query else ():
        name, _, value = part.partition("=")
        if name in pairs:
            raise InvalidRequest(f"cannot read the query: {printable(name[:100])} is repeated", "give each field once")
        pairs[_unquoted(name)] = _given(_unquoted(value))
    return pairs


def _given(value: str) -> str | float | bool:
    """The value: what reads like a number, true or false is that, all else is text.

    msgspec's own lax mode would take numbers for times, and the word null for the absence of a value.
    """
    try:
        return msgspec.json.decode(value, type=int | float | bool)
    except msgspec.DecodeError:
        return value


def _unquoted(text: str) -> str:
    try:
        return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest("cannot read the query: it is not UTF-8", "percent-encode UTF-8 bytes") from None


def _reason(error: Exception) -> str:
    return printable(str(error)[:300])


def _fields_of(wanted: type[Struct]) -> str:
    names = ", ".join(wanted.__struct_fields__)
    return f"the fields {names}" if names else "no fields"
