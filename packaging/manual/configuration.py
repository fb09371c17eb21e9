"""The page of the configuration: the settings' own types, bounds and defaults, and what the example file says of each."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from manual import roff
from manual.example_file import Example, Setting, Table, read
from wan_healthd.config.fields import default_of, expected, row_type, table_type
from wan_healthd.config.files import DEFAULT_FOLDER, DROP_IN_FOLDER, FILE_NAME
from wan_healthd.config.printing import toml_value
from wan_healthd.domain.settings import Settings

MAIN = f"{DEFAULT_FOLDER}/{FILE_NAME}"
DROP_INS = f"{DEFAULT_FOLDER}/{DROP_IN_FOLDER}"
SHIPPED = "/usr/share/doc/wan-healthd/examples/config.example.toml"
SEE_ALSO = "wan-healthd(8), healthctl(1), and for how values are written https://toml.io"
LEAST = ("[[roots]]", 'path = "/srv/models"')
DROP_IN = ("[sweep]", 'full_every = "14d"', "", "[hub]", "lookup = true")
FILES = (
    (MAIN, "the configuration; it need not be there, but then nothing is watched"),
    (f"{DROP_INS}/*.toml", "read after it, in the order of their names, those that begin with a dot left out"),
    (SHIPPED, "this page as a file, with every default"),
)


def page(example: str) -> Iterator[str]:
    """wan-healthd.toml(5), from the text of config.example.toml."""
    told = read(example)
    yield from roff.heading("name")
    yield "wan\\-healthd.toml \\- what wan\\-healthd watches, how often, and whom it tells"
    yield from roff.heading("synopsis")
    yield from roff.calls([MAIN, f"{DROP_INS}/*.toml"])
    yield from roff.heading("description")
    yield from roff.paragraphs(_description(told))
    yield from roff.heading("tables and keys")
    yield from _tables(told)
    yield from roff.heading("files")
    for entry in FILES:
        yield from roff.item(*entry)
    yield from roff.heading("examples")
    yield from roff.paragraphs("The least that is of use:")
    yield from roff.example(LEAST)
    yield from roff.paragraphs(f"A file in `{DROP_INS}` that changes two things:")
    yield from roff.example(DROP_IN)
    yield from roff.heading("see also")
    yield from roff.paragraphs(SEE_ALSO)


def _description(told: Example) -> str:
    """What the example's opening says, but for its first paragraph, which is about the file itself."""
    beginning = (
        "`wan-healthd` reads its configuration when it starts and when it is told to reload. It is written in TOML, as UTF-8 "
        f"text. `--config FILE` names another file than {MAIN}, and then conf.d beside that one."
    )
    return "\n\n".join((beginning, *told.text.split("\n\n")[1:]))


def _tables(told: Example) -> Iterator[str]:
    documented = {table.name: table for table in told.tables}
    for name, kind, is_repeated in _kinds(Settings, ""):
        yield from roff.subheading(f"[[{name}]]" if is_repeated else f"[{name}]")
        yield from _table(documented[name], kind)


def _kinds(kind: type[Struct], within: str) -> Iterator[tuple[str, type[Struct], bool]]:
    """Every table of the settings: name, struct, and whether it stands once for each of many."""
    for field in fields(kind):
        name = f"{within}.{field.encode_name}" if within else field.encode_name
        row, inner = row_type(field), table_type(field)
        found = row or inner
        if found is not None:
            yield name, found, row is not None
            yield from _kinds(found, name)


def _table(table: Table, kind: type[Struct]) -> Iterator[str]:
    told = {setting.name: setting for setting in table.settings}
    if table.text:
        yield from roff.paragraphs(table.text)
    for field in fields(kind):
        if row_type(field) is None and table_type(field) is None:
            yield from _key(told[field.encode_name], field)


def _key(setting: Setting, field: FieldInfo) -> Iterator[str]:
    kind = expected(field)
    facts = f"{kind[0].upper()}{kind[1:]}. {_default(field)}"
    yield from roff.item(f"{setting.name} = {setting.value}", f"{setting.text}\n\n{facts}")


def _default(field: FieldInfo) -> str:
    if field.required:
        return "There is no default: it must be stated."
    default = default_of(field)
    return "Not set by default." if default is None else f"Default: `{toml_value(field, default)}`"
