"""Reads a safetensors header as the real loader's derived decoders do, their oddities included.

A tensor may be an array of its three values, a dtype may be `{"F32": null}`, unknown fields are passed over, a tensor's name
may stand twice (the last one counts) while a field of it may not.
"""

from __future__ import annotations

from collections.abc import Callable

from wan_healthd.formats.dtypes import ELEMENT_BITS
from wan_healthd.formats.strict_json import JsonReader, Malformed
from wan_healthd.formats.tensor_info import METADATA_KEY, U64_MAX, TensorInfo, TensorTable, shown


class ExactReader:
    """Reads one header; raises Malformed or TooMuch."""

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

    def _shape(self, symbol: str) -> tuple[int, ...]:
        return tuple(self._naturals(symbol, "shape"))

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
