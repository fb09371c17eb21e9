"""Settings as TOML that loads back to the same settings; a writer for just what settings consist of, as Python has none."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from wan_healthd.config.fields import quantity, row_type, table_type
from wan_healthd.domain.settings import Settings


def to_toml(settings: Settings) -> str:
    """The effective configuration, defaults included; what is not set stands as a comment."""
    return "\n".join(_table(settings, "")).strip() + "\n"


def _table(table: Struct, name: str) -> Iterator[str]:
    """Values first: behind the first header they would belong to it."""
    nested = [field for field in fields(table) if table_type(field) or row_type(field)]
    for field in fields(table):
        if field not in nested:
            yield _line(field, getattr(table, field.name))
    for field in nested:
        key = f"{name}.{field.encode_name}" if name else field.encode_name
        value = getattr(table, field.name)
        if isinstance(value, Struct):
            yield from ("", f"[{key}]", *_table(value, key))
        else:
            for row in value:
                yield from ("", f"[[{key}]]", *_table(row, key))


def _line(field: FieldInfo, value: object) -> str:
    if value is None:
        return f"# {field.encode_name} is not set"
    return f"{field.encode_name} = {toml_value(field, value)}"


def toml_value(field: FieldInfo, value: object) -> str:
    """The field's value as it is written in a file."""
    written = quantity(field)
    return _value(written.write(value) if written else value)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    raise TypeError(f"no TOML for {type(value).__name__}")


def _text(text: str) -> str:
    """A basic string; control characters become escapes, since TOML forbids them."""
    return '"' + "".join(_ESCAPES.get(char) or char for char in text) + '"'


_ESCAPES = {chr(code): f"\\u{code:04X}" for code in (*range(0x20), 0x7F)} | {"\\": "\\\\", '"': '\\"'}
