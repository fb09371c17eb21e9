"""JSON schemas of what is asked and answered, made by msgspec, and sharpened where we promise more than it can know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct, inspect

Json = dict[str, Any]

PLACE = "#/components/schemas/{name}"


def of_requests(structs: Iterable[type[Struct]]) -> Json:
    """The structs, and all that they hold, by name."""
    return _components(structs)


def of_answers(structs: Iterable[type[Struct]]) -> Json:
    """Likewise; what is always written is required, and times have a time zone."""
    structs = tuple(structs)
    found = _components(structs)
    for kind in _all_structs(inspect.multi_type_info(structs)):
        schema = found[kind.cls.__name__]
        schema["required"] = [field.encode_name for field in kind.fields if _is_written(field)]
        for field in kind.fields:
            if _is_time(field.type):
                _told_as_time(schema["properties"][field.encode_name])
    return found


def reference(struct: type[Struct]) -> Json:
    """Where a struct's schema stands in the document."""
    return {"$ref": PLACE.format(name=struct.__name__)}


def _components(structs: Iterable[type[Struct]]) -> Json:
    _, components = msgspec.json.schema_components(structs, ref_template=PLACE)
    return dict(sorted(components.items()))


def _all_structs(kinds: Iterable[inspect.Type]) -> Iterator[inspect.StructType]:
    seen: set[type] = set()
    left = list(kinds)
    while left:
        kind = left.pop()
        if isinstance(kind, inspect.StructType) and kind.cls not in seen:
            seen.add(kind.cls)
            yield kind
            left += [field.type for field in kind.fields]
        elif isinstance(kind, inspect.UnionType):
            left += kind.types
        elif isinstance(kind, inspect.VarTupleType):
            left.append(kind.item_type)


def _is_written(field: inspect.Field) -> bool:
    """Whether it is never left out: only what is UNSET is, and that does not count as a default here."""
    return field.required or (field.default, field.default_factory) != (msgspec.NODEFAULT, msgspec.NODEFAULT)


def _is_time(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.UnionType):
        return any(isinstance(option, inspect.DateTimeType) for option in kind.types)
    return isinstance(kind, inspect.DateTimeType)


def _told_as_time(schema: Json) -> None:
    """RFC 3339; msgspec says so only of what is declared to have a time zone, which ours all have."""
    for option in schema.get("anyOf", [schema]):
        if option.get("type") == "string":
            option["format"] = "date-time"
