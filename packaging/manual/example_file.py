"""Reads config.example.toml, which says what every setting is for: the one place where people look for it."""

from __future__ import annotations

import re
from typing import NamedTuple

_TABLE = re.compile(r"#?(\[{1,2})([\w.]+)\]{1,2}")
_KEY = re.compile(r"#?(\w+) = (.*)")
_COMMENT = re.compile(r"# ?(.*)")


class Setting(NamedTuple):
    """A key of the example: the value that stands there, and the comment above it."""

    name: str
    value: str
    text: str


class Table(NamedTuple):
    """A table of the example; `name` as in TOML: "sweep", "repair.limits"."""

    name: str
    text: str
    settings: tuple[Setting, ...]


class Example(NamedTuple):
    """The whole file: its opening comment, and its tables in their order."""

    text: str
    tables: tuple[Table, ...]


def read(content: str) -> Example:
    """The file, comments as paragraphs parted by empty lines.

    Raises:
        ValueError: a line is neither a comment, a table, a key with its value in the same line, nor empty.
    """
    text, _, body = content.partition("\n\n")
    tables: list[Table] = []
    comment: list[str] = []
    for line in body.splitlines():
        if table := _TABLE.fullmatch(line):
            tables.append(Table(table[2], _joined(comment), ()))
            comment = []
        elif key := _KEY.fullmatch(line):
            told = Setting(key[1], key[2], _joined(comment))
            tables[-1] = tables[-1]._replace(settings=(*tables[-1].settings, told))
            comment = []
        elif line:
            comment.append(_comment(line))
    return Example(_joined([_comment(line) for line in text.splitlines()]), tuple(tables))


def _comment(line: str) -> str:
    comment = _COMMENT.fullmatch(line)
    if comment is None:
        raise ValueError(f"cannot understand this line of the example: {line}")
    return comment[1]


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).strip()
