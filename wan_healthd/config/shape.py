"""Holds one parsed file against the fields of the settings: names, types, bounds."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from wan_healthd.config.fields import default_of, expected, quantity, row_type, table_type
from wan_healthd.config.lines import KeyLines
from wan_healthd.config.problems import Place, Problem, shown
from wan_healthd.config.quantities import Unreadable

StructT = TypeVar("StructT", bound=Struct)


class Placed(Struct, frozen=True):
    """A value of the settings and where it was given."""

    value: Any
    place: Place


Given = dict[str, Any]
"""What a file gives: Placed for a value, a list of Placed structs for an array of tables, Given for a table."""


def build(kind: type[StructT], given: Given) -> StructT:
    """The struct of what was given, with its defaults for the rest."""
    values: dict[str, object] = {}
    for field in fields(kind):
        value, inner = given.get(field.name), table_type(field)
        if isinstance(value, Placed):
            values[field.name] = value.value
        elif isinstance(value, list):
            values[field.name] = tuple(item.value for item in value)
        elif inner is not None:
            values[field.name] = build(inner, value or {})
    return kind(**values)


class ShapeReader:
    """Reads one file's tables; what is wrong gathers in `problems`."""

    def __init__(self, file: str, lines: KeyLines) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._lines = lines

    def table(self, kind: type[Struct], raw: dict[str, Any], at: str = "") -> Given:
        """The valid part of a table."""
        known = {field.encode_name: field for field in fields(kind)}
        given: Given = {}
        for name, value in raw.items():
            key = f"{at}.{name}" if at else name
            if name not in known:
                self._unknown(key, name, list(known))
            else:
                self._field(given, known[name], value, key)
        return given

    def _field(self, given: Given, field: FieldInfo, value: object, key: str) -> None:
        inner, row = table_type(field), row_type(field)
        if inner is not None:
            if isinstance(value, dict):
                given[field.name] = self.table(inner, value, key)
            else:
                self._problem(key, f"expected a table, found {shown(value)}", f"write [{key}] on a line and its keys below")
        elif row is not None:
            if isinstance(value, list):
                found = [self._row(row, item, f"{key}[{index}]") for index, item in enumerate(value)]
                given[field.name] = [item for item in found if item is not None]
            else:
                self._problem(key, f"expected an array of tables, found {shown(value)}", f"write [[{key}]] and its keys below")
        else:
            self._value(given, field, value, key)

    def _row(self, kind: type[Struct], raw: object, key: str) -> Placed | None:
        if not isinstance(raw, dict):
            name = key.partition("[")[0]
            self._problem(key, f"expected a table, found {shown(raw)}", f"write [[{name}]] and its keys below")
            return None
        before = len(self.problems)
        given = self.table(kind, raw, key)
        for field in fields(kind):
            if field.required and field.encode_name not in raw:
                self._problem(f"{key}.{field.encode_name}", "is missing", f"add {field.encode_name} = {_example(field)}")
        return Placed(build(kind, given), self._place(key)) if len(self.problems) == before else None

    def _value(self, given: Given, field: FieldInfo, value: object, key: str) -> None:
        written = quantity(field)
        try:
            meant = written.read(value) if written else value
            given[field.name] = Placed(msgspec.convert(meant, field.type, strict=True), self._place(key))
        except (Unreadable, msgspec.ValidationError) as error:
            cure = str(error) if isinstance(error, Unreadable) else _cure(field)
            self._problem(key, f"expected {expected(field)}, found {shown(value)}", cure)

    def _unknown(self, key: str, name: str, known: list[str]) -> None:
        from difflib import get_close_matches

        near = get_close_matches(name, known, n=1)
        cure = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        self._problem(key, "unknown key", cure)

    def _problem(self, key: str, message: str, cure: str) -> None:
        self.problems.append(Problem(self._place(key), key, message, cure))

    def _place(self, key: str) -> Place:
        return Place(self._file, self._lines.line(key))


def _cure(field: FieldInfo) -> str:
    default = default_of(field)
    if default is None:
        return "correct it" if field.required else "correct it, or remove the line"
    written = quantity(field)
    return f"the default is {shown(written.write(default) if written else default)}"


def _example(field: FieldInfo) -> str:
    return '"/srv/models"' if quantity(field) else '"…"'
