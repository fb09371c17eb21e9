"""Line numbers of keys in a TOML text, which `tomllib` does not tell."""

from __future__ import annotations

import re

_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_DOTTED})[ \t]*\]\]?[ \t]*(?:#.*)?")
_KEY = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")
_PARTS = re.compile(_PART)


class KeyLines:
    """Where each key of a text stands. Good for messages only: in a text of several lines a key may be taken for one."""

    def __init__(self, text: str) -> None:
        self._lines: dict[str, int] = {}
        self._rows: dict[str, int] = {}
        table = ""
        inside = ""
        for number, line in enumerate(text.splitlines(), start=1):
            if inside:
                inside = "" if inside in line else inside
                continue
            header = _HEADER.fullmatch(line)
            if header is not None:
                table = self._enter(header[2], is_row=header[1] == "[[")
                self._lines.setdefault(table, number)
            elif key := _KEY.match(line):
                self._lines.setdefault(_join(table, *_parts(key[1])), number)
            inside = _opened(line)

    def line(self, key: str) -> int | None:
        """Line of the key (`roots[1].path`), else of the nearest thing around it that has one."""
        while key and key not in self._lines:
            key = key.rpartition("[" if key.endswith("]") else ".")[0]
        return self._lines.get(key)

    def _enter(self, dotted: str, *, is_row: bool) -> str:
        path = ""
        parts = _parts(dotted)
        for depth, part in enumerate(parts, start=1):
            path = _join(path, part)
            if is_row and depth == len(parts):
                self._rows[path] = self._rows.get(path, -1) + 1
            if path in self._rows:
                path = f"{path}[{self._rows[path]}]"
        return path


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PARTS.findall(dotted)]


def _join(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def _opened(line: str) -> str:
    """The mark of a text of several lines that begins in this line and does not end in it."""
    for mark in ('"""', "'''"):
        if line.count(mark) % 2:
            return mark
    return ""
