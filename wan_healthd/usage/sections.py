"""Sections of a help page that hold no arguments: files, environment variables, exit statuses, examples.

To argparse a section is a group of arguments, so that it lays them out alike; its entries are never parsed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import NamedTuple


class Entry(NamedTuple):
    """An argument, file, variable, status or command line, and what it is. `text` may name things in `backquotes`."""

    term: str
    text: str


class Shown(argparse.Action):
    """What a help page shows as an argument, and no command line holds."""

    def __init__(self, entry: Entry) -> None:
        super().__init__([], argparse.SUPPRESS, metavar=entry.term, help=entry.text.replace("%", "%%"))
        self.entry = entry


class Paragraphs(argparse.HelpFormatter):
    """Keeps the empty lines of descriptions, where argparse makes one paragraph of all, and breaks no path at its hyphen."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        import textwrap

        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = (self._split_lines(part, width - len(indent)) for part in text.split("\n\n"))
        return "\n\n".join("\n".join(indent + line for line in lines) for lines in paragraphs)


def add_section(parser: argparse.ArgumentParser, title: str, entries: Iterable[tuple[str, str]]) -> None:
    """Have the parser's page say this behind what it says already; `title` in lower case, as argparse's own."""
    parser.add_argument_group(title)._group_actions.extend(Shown(Entry(*entry)) for entry in entries)
