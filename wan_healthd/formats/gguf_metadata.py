"""The first part of a GGUF file: counts, and keys with their values, of which only two matter to us."""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.domain.paths import printable
from wan_healthd.formats.cursor import Cursor, Short
from wan_healthd.formats.strict_json import Malformed, TooMuch

MAGIC_BYTES = 4
VERSIONS = (2, 3)
FIXED_BYTES = 24
"""Magic, version, and the two counts."""
DEFAULT_ALIGNMENT = 32
MAX_ROWS = 200_000
"""Keys, or tensors, that are read before giving up; real files have some thousand."""
MAX_ELEMENTS = 1 << 30
"""ggml refuses longer strings and arrays."""
SHOWN_CHARS = 80

_LEAST_ENTRY_BYTES = 13  # an empty key's length, a type, and a value of one byte
_LEAST_TENSOR_BYTES = 24  # an empty name's length, no dimensions, type, offset
_UINT32, _STRING, _ARRAY = 4, 8, 9
_VALUE_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, _UINT32: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


class Unknown(Exception):
    """Something that newer or other programs may understand: no reason to call a file corrupt. Its text says what."""


class Metadata(Struct, frozen=True):
    """What the tensors' description needs to know. `alignment` is in bytes; `architecture` None where not stated."""

    tensor_count: int
    alignment: int
    architecture: str | None


def read_metadata(cursor: Cursor) -> Metadata:
    """Reads up to the first tensor's description.

    Raises:
        Malformed: ggml refuses it too.
        Unknown: a file of the other byte order, or values nested in a way that ggml does not know.
        TooMuch: more keys than are read.
    """
    cursor.skip(MAGIC_BYTES)
    _check_version(cursor.u32())
    tensor_count, entry_count = cursor.u64(), cursor.u64()
    _check_count(cursor, "tensors", tensor_count, _LEAST_TENSOR_BYTES)
    _check_count(cursor, "keys", entry_count, _LEAST_ENTRY_BYTES)
    if max(tensor_count, entry_count) > MAX_ROWS:
        raise TooMuch
    return _Entries(cursor).read(entry_count, tensor_count)


def shown(name: bytes) -> str:
    """A key or name for people: printable and short."""
    return printable(name[:SHOWN_CHARS].decode("utf-8", "replace"))


def read_name(cursor: Cursor, what: str) -> bytes:
    """A string: its length and its bytes, which ggml takes for no particular encoding."""
    return cursor.take(_checked_length(cursor.u64(), what))


def _check_version(version: int) -> None:
    if version in VERSIONS:
        return
    if int.from_bytes(version.to_bytes(4, "little"), "big") in VERSIONS:
        raise Unknown("a GGUF file of big-endian machines")
    raise Malformed("version", f"GGUF version {version}, where loaders know {VERSIONS[0]} and {VERSIONS[1]}")


def _check_count(cursor: Cursor, what: str, count: int, least_bytes: int) -> None:
    if count >= 1 << 63:
        raise Malformed("count", f"the header counts {count} {what}")
    if count * least_bytes > cursor.remaining:
        raise Short(count * least_bytes - cursor.remaining)


def _checked_length(length: int, what: str, key: bytes | None = None) -> int:
    """The length of a string; a key is made readable only where there is something to say of it, for that takes long."""
    if length > MAX_ELEMENTS:
        whole = what if key is None else f"{what} of {shown(key)}"
        raise Malformed("string-length", f"{whole} of {length} bytes is longer than loaders allow ({MAX_ELEMENTS})")
    return length


class _Entries:
    """Reads the keys, remembers the two that matter, and passes over all other values."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._alignment = DEFAULT_ALIGNMENT
        self._architecture: str | None = None

    def read(self, count: int, tensor_count: int) -> Metadata:
        seen: set[bytes] = set()
        for _ in range(count):
            key = read_name(self._cursor, "a key")
            if not key:
                raise Malformed("empty-key", "a key of the header has no name")
            if key in seen:
                raise Malformed("duplicate-key", f"key {shown(key)} stands twice in the header")
            seen.add(key)
            self._value(key, self._cursor.u32())
        return Metadata(tensor_count, self._alignment, self._architecture)

    def _value(self, key: bytes, value_type: int) -> None:
        if key == b"general.alignment":
            self._alignment = self._read_alignment(value_type)
        elif key == b"general.architecture" and value_type == _STRING:
            self._architecture = read_name(self._cursor, "the architecture").decode("utf-8", "replace")
        elif value_type == _ARRAY:
            self._skip_array(key)
        elif value_type == _STRING:
            self._cursor.skip(_checked_length(self._cursor.u64(), "the value", key))
        else:
            self._cursor.skip(_value_bytes(key, value_type))

    def _read_alignment(self, value_type: int) -> int:
        if value_type != _UINT32:
            raise Malformed("alignment", f"the alignment has value type {value_type} instead of {_UINT32} (UINT32)")
        alignment = self._cursor.u32()
        if alignment.bit_count() != 1:
            raise Malformed("alignment", f"the alignment {alignment} is not a power of two")
        return alignment

    def _skip_array(self, key: bytes) -> None:
        element_type, count = self._cursor.u32(), self._cursor.u64()
        if element_type == _ARRAY:
            raise Unknown(f"key {shown(key)} holds arrays within an array")
        if count > MAX_ELEMENTS:
            raise Malformed("array-length", f"key {shown(key)} has {count} values, more than loaders allow ({MAX_ELEMENTS})")
        if element_type == _STRING:
            _checked_length(self._cursor.skip_strings(count, MAX_ELEMENTS) or 0, "a value", key)
        else:
            self._cursor.skip(count * _value_bytes(key, element_type))


def _value_bytes(key: bytes, value_type: int) -> int:
    try:
        return _VALUE_BYTES[value_type]
    except KeyError:
        raise Malformed("value-type", f"key {shown(key)} has the unknown value type {value_type}") from None
