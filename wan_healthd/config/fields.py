"""What the settings' annotations say about a field."""

from __future__ import annotations

from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, inspect
from msgspec.structs import FieldInfo

from wan_healthd.config.quantities import QUANTITIES, Quantity


def table_type(field: FieldInfo) -> type[Struct] | None:
    """The struct of a field that is a table; None for others."""
    return field.type if _is_struct(field.type) else None


def row_type(field: FieldInfo) -> type[Struct] | None:
    """The struct of a field that is an array of tables; None for others."""
    arguments = get_args(field.type)
    is_rows = get_origin(field.type) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis  # noqa: PLR2004 -- (T, ...)
    return arguments[0] if is_rows and _is_struct(arguments[0]) else None


def quantity(field: FieldInfo) -> Quantity | None:
    """How the field is written, where that is not how its type is."""
    for kind in (field.type, *get_args(field.type)):
        if get_origin(kind) is Annotated:
            for mark in kind.__metadata__:
                if isinstance(mark, Meta) and mark.extra is not None:
                    return QUANTITIES[mark.extra["written_as"]]
    return None


def expected(field: FieldInfo) -> str:
    """What must stand in the field, for people."""
    kind = inspect.type_info(field.type)
    if isinstance(kind, inspect.UnionType):
        kind = next(item for item in kind.types if not isinstance(item, inspect.NoneType))
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.EnumType):
        return "one of " + ", ".join(f'"{member.value}"' for member in kind.cls)
    written = quantity(field)
    name = written.expected if written else _NAMES.get(type(kind).__name__, "another kind of value")
    if isinstance(kind, inspect.StrType | inspect.VarTupleType):
        return name if written else name + _lengths(kind)
    return name + _bounds(kind, written)


def default_of(field: FieldInfo) -> object:
    """The value that holds where the file says nothing; None where there is none to name."""
    return None if field.default is msgspec.NODEFAULT else field.default


_NAMES = {
    "BoolType": "true or false",
    "IntType": "a whole number",
    "FloatType": "a number",
    "StrType": "text in quotes",
    "VarTupleType": "a list of texts in quotes",
}


def _bounds(kind: Any, written: Quantity | None) -> str:
    phrases = (
        ("gt", "above {}"),
        ("ge", "of at least {}"),
        ("le", "at most {}"),
    )
    limits = [(text, getattr(kind, name, None)) for name, text in phrases]
    said = [text.format(written.write(limit) if written and limit else limit) for text, limit in limits if limit is not None]
    return " " + " and ".join(said) if said else ""


def _lengths(kind: inspect.StrType | inspect.VarTupleType) -> str:
    of = "characters" if isinstance(kind, inspect.StrType) else "of them"
    if kind.max_length is None:
        return ""
    least = f"{kind.min_length} to" if kind.min_length else "at most"
    return f", {least} {kind.max_length} {of}"


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)
