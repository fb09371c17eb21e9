"""The tensor table of a safetensors header: JSON bytes in, names with shapes and offsets out.

Two readers give the same answer. The plain one is msgspec, fast, and trusted only where its result proves that the header holds
nothing but the table. Everything else (faults, extra fields, escapes) goes to the exact one, which reads as the real loader
does, the oddities of its derived decoders included: a tensor may be an array, a dtype may be `{"F32": null}`, a tensor's name
may stand twice (the last one counts) while a field of it may not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from wan_healthd.domain.paths import printable
from wan_healthd.formats.dtypes import ELEMENT_BITS, Dtype
from wan_healthd.formats.strict_json import JsonReader, Malformed

METADATA_KEY = "__metadata__"
U64_MAX = 2**64 - 1
SHOWN_NAME_CHARS = 80

_Natural = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""Larger numbers are legal up to 2^64-1 but belong to no real file; the exact reader judges them."""


class TensorInfo(Struct, frozen=True, gc=False):
    """One row of the table. `data_offsets` are [begin, end) in bytes from the start of the payload."""

    dtype: Dtype
    shape: list[_Natural]
    data_offsets: tuple[_Natural, _Natural]


TensorTable = dict[str, TensorInfo]

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


def shown(name: str) -> str:
    """A tensor's name for people: printable and short."""
    text = printable(name[:SHOWN_NAME_CHARS])
    return text if len(name) <= SHOWN_NAME_CHARS else text + "…"


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
    return _ExactReader(text).table() if table is None else table


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
        and not (b"-0" in rest and _NEGATIVE.search(rest))
    )
    return table if is_plain else None


def _without_metadata(header: bytes) -> bytes:
    """The header without a valid metadata object at its front, where writers put it."""
    match = _LEADING_METADATA.match(header)
    if match is None:
        return header
    _METADATA.decode(match[1])
    return b"{" + header[match.end() :]


class _ExactReader:
    """Reads a header as the loader's derived decoders do."""

    def __init__(self, text: str) -> None:
        self._json = JsonReader(text)

    def table(self) -> TensorTable:
        """The whole header."""
        json = self._json
        if json.symbol() != "{":
            raise json.error("expected an object")
        table: TensorTable = {}
        metadata_seen = False
        for name in json.fields():
            if name != METADATA_KEY:
                table[name] = self._tensor(name)
            elif metadata_seen:
                raise Malformed("metadata", f"{METADATA_KEY} stands twice in the header")
            else:
                metadata_seen = True
                self._metadata()
        json.finish()
        return table

    def _metadata(self) -> None:
        json = self._json
        symbol = json.symbol()
        if symbol == "null":
            return
        if symbol != "{":
            raise Malformed("metadata", f"{METADATA_KEY} is not an object")
        for key in json.fields():
            value = json.symbol()
            if not value.startswith('"'):
                raise Malformed("metadata", f"{METADATA_KEY} holds a value that is not a string: {shown(key)}")
            json.string(value)

    def _tensor(self, name: str) -> TensorInfo:
        symbol = self._json.symbol()
        if symbol == "{":
            return _TensorReader(self._json, name).from_object()
        if symbol == "[":
            return _TensorReader(self._json, name).from_array()
        raise Malformed("tensor-info", f"tensor {shown(name)} is not described by an object")


class _TensorReader:
    """Reads the description of one tensor."""

    def __init__(self, json: JsonReader, name: str) -> None:
        self._json = json
        self._name = name
        self._readers: dict[str, Callable[[str], object]] = {
            "dtype": self._dtype,
            "shape": self._shape,
            "data_offsets": self._offsets,
        }

    def from_object(self) -> TensorInfo:
        found: dict[str, object] = {}
        for field in self._json.fields():
            reader = self._readers.get(field)
            if reader is None:
                self._json.skip(self._json.symbol(), depth=2)
            elif field in found:
                raise self._fault(f"has two fields {field}")
            else:
                found[field] = reader(self._json.symbol())
        return self._info(found)

    def from_array(self) -> TensorInfo:
        found: dict[str, object] = {}
        readers = iter(self._readers.items())
        for first in self._json.elements():
            field, reader = next(readers, ("", None))
            if reader is None:
                raise self._fault("has more than three elements")
            found[field] = reader(first)
        return self._info(found)

    def _info(self, found: dict[str, object]) -> TensorInfo:
        missing = [field for field in self._readers if field not in found]
        if missing:
            raise self._fault(f"has no {' and no '.join(missing)}")
        return TensorInfo(**found)  # type: ignore[arg-type]

    def _fault(self, what: str) -> Malformed:
        return Malformed("tensor-info", f"tensor {shown(self._name)} {what}")

    def _dtype(self, symbol: str) -> str:
        name = self._tagged_dtype() if symbol == "{" else self._json.string(symbol) if symbol.startswith('"') else None
        if name is None:
            raise self._fault("has a dtype that is not a string")
        if name not in ELEMENT_BITS:
            raise Malformed("dtype-unknown", f"tensor {shown(self._name)} has the unknown dtype {shown(name)}")
        return name

    def _tagged_dtype(self) -> str | None:
        """The name in `{"F32": null}`."""
        names = []
        for name in self._json.fields():
            names.append(name)
            if len(names) > 1 or self._json.symbol() != "null":
                return None
        return names[0] if names else None

    def _shape(self, symbol: str) -> list[int]:
        return self._naturals(symbol, "shape")

    def _offsets(self, symbol: str) -> tuple[int, int]:
        offsets = self._naturals(symbol, "data_offsets")
        if len(offsets) != 2:  # noqa: PLR2004 -- begin and end
            raise self._fault(f"has {len(offsets)} data_offsets instead of 2")
        return offsets[0], offsets[1]

    def _naturals(self, symbol: str, field: str) -> list[int]:
        if symbol != "[":
            raise self._fault(f"has a {field} that is not an array")
        return [self._natural(item, field) for item in self._json.elements()]

    def _natural(self, symbol: str, field: str) -> int:
        is_natural = symbol.isdigit() and len(symbol) <= len(str(U64_MAX)) and int(symbol) <= U64_MAX
        if not is_natural:
            raise self._fault(f"has {shown(symbol) or 'nothing'} in its {field} where a whole number below 2^64 must stand")
        return int(symbol)
