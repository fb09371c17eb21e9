"""Error messages of download servers, as they end up in files: JSON bodies and bare lines."""

from __future__ import annotations

import re

import msgspec

MAX_BODY_BYTES = 4096
"""Longer JSON is judged by its first field alone."""

_ERROR_FIELDS = frozenset({"error", "errors", "error_code", "errorCode", "detail"})
_MESSAGE_FIELDS = frozenset({"message", "Message", "msg", "title"})
_STATUS_FIELDS = frozenset({"status", "statusCode", "status_code", "code", "Code", "documentation_url", "Success", "success"})
_CONTEXT_FIELDS = frozenset(
    {"type", "path", "url", "timestamp", "requestId", "RequestId", "request_id", "instance", "data", "Data"}
)
_VOCABULARY = _ERROR_FIELDS | _MESSAGE_FIELDS | _STATUS_FIELDS | _CONTEXT_FIELDS
_FIRST_FIELD = re.compile(rb'(?:\xef\xbb\xbf)?\s*+\{\s*+"(?P<name>\w++)"\s*+:')
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])

_LINES = frozenset(
    {
        "access denied",
        "bad gateway",
        "entry not found",
        "error: not found",
        "file not found",
        "forbidden",
        "gateway timeout",
        "internal server error",
        "invalid credentials in authorization header",
        "invalid username or password",
        "not found",
        "repository not found",
        "service unavailable",
        "too many requests",
        "unauthorized",
    }
)  # fmt: skip
_LINE_STATUS = re.compile(r"(?:error )?[45]\d\d[:.]? +")


def is_json_error(head: bytes, is_whole: bool) -> bool:
    """Whether the bytes are the JSON error body of a server, where a file of weights should be."""
    match = _FIRST_FIELD.match(head)
    if match is None:
        return False
    if is_whole and (fields := _fields(head)) is not None:
        return _tells_error(fields)
    return match["name"].decode() in _ERROR_FIELDS | _MESSAGE_FIELDS


def is_nothing_but_error(body: bytes) -> bool:
    """Whether a whole JSON text is an object that has no other fields than error messages have: no configuration is that."""
    fields = _fields(body) if len(body) <= MAX_BODY_BYTES else None
    return fields is not None and _tells_error(fields) and fields <= _VOCABULARY


def is_error_line(text: bytes) -> bool:
    """Whether the whole text is one of the lines that servers answer with, such as `Entry not found` or `404: Not Found`."""
    line = text.strip().decode("ascii", "replace").lower().rstrip(".!")
    return _LINE_STATUS.sub("", line, count=1) in _LINES


def _fields(body: bytes) -> frozenset[str] | None:
    try:
        return frozenset(_FIELDS.decode(body.removeprefix(b"\xef\xbb\xbf")))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _tells_error(fields: frozenset[str]) -> bool:
    return not fields.isdisjoint(_ERROR_FIELDS) or (
        not fields.isdisjoint(_MESSAGE_FIELDS) and (fields <= _MESSAGE_FIELDS or not fields.isdisjoint(_STATUS_FIELDS))
    )
