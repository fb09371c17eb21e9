"""The tensor table of a safetensors header: JSON bytes in, names with shapes and offsets out.

Two readers give the same answer. The plain one is msgspec, fast, and trusted only where its result proves that the header holds
nothing but the table. Everything else (faults, extra fields, escapes) goes to the exact one.
"""

from __future__ import annotations

import re

import msgspec

from wan_healthd.formats.exact_table import ExactReader
from wan_healthd.formats.strict_json import Malformed
from wan_healthd.formats.tensor_info import METADATA_KEY, TensorTable

_TABLE = msgspec.json.Decoder(TensorTable)
_METADATA = msgspec.json.Decoder(dict[str, str])
_QUOTES_PER_TENSOR = 10
"""Of the name, three field names, and the dtype's value."""

_WS = rb"[ \t\n\r]*+"
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_LEADING_METADATA = re.compile(
    _WS + rb"\{" + _WS + rb'"__metadata__"' + _WS + rb":" + _WS
    + rb"(\{(?:" + _WS + _STRING + _WS + rb":" + _WS + _STRING + _WS + rb",?)*+" + _WS + rb"\})" + _WS
    + rb"(?:,(?=" + _WS + rb'")|(?=\}))'
)  # fmt: skip
_NEGATIVE = re.compile(rb"[\[,][ \t\n\r]*+-")


def read_table(header: bytes) -> TensorTable:
    """The tensors by name, in the order of the header.

    Raises:
        Malformed: the real loader cannot read the header either.
        TooMuch: the header is too busy to be read within bounds.
    """
    try:
        text = header.decode()
    except UnicodeDecodeError as error:
        raise Malformed("not-utf8", f"the header is not UTF-8 at its byte {error.start}") from error
    table = _read_plain(header)
    return ExactReader(text).table() if table is None else table


def _read_plain(header: bytes) -> TensorTable | None:
    """The table, if the header has the plain form that writers give it; else None, which says nothing about its validity.

    Each tensor needs ten quotes. If there are no others, then there is no field, and no name twice, that msgspec could have
    passed over with less care than the loader. What is left to look for is `-0`, an integer to one and a float to the other.
    """
    try:
        rest = _without_metadata(header)
        table = _TABLE.decode(rest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    is_plain = (
        rest.count(b'"') == _QUOTES_PER_TENSOR * len(table)
        and b"\\" not in rest
        and METADATA_KEY not in table
        and not (b"-" in rest and b"-0" in rest and _NEGATIVE.search(rest))
    )
    return table if is_plain else None


def _without_metadata(header: bytes) -> bytes:
    """The header without a valid metadata object at its front, where writers put it."""
    match = _LEADING_METADATA.match(header)
    if match is None:
        return header
    _METADATA.decode(match[1])
    return b"{" + header[match.end() :]
