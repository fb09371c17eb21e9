"""Writes man(7): just the macros that a page of ours needs. See groff_man(7), and groff_man_style(7) for the manners.

Texts may name things in `backquotes`, which become bold, as do other pages: page(8). Every sentence begins a line, as roff
wants it, and no line is longer than 80 bytes, so that mandoc's lint is content.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

LONGEST_LINE = 78
INDENT = 12
_SPECIAL = {"\\": "\\e", "-": "\\-", "'": "\\(aq", '"': "\\(dq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}
_SENTENCE_END = re.compile(r"(?<=[.?!]) +(?=[A-Z`\"(])")
_BOLD = re.compile(r"`([^`]+)`|([a-z][\w.-]*)(?=\([1-8]\))")


def text_of(lines: Iterable[str]) -> str:
    """The page of these lines; what follows a heading needs no macro to begin a paragraph."""
    written: list[str] = []
    for line in lines:
        if not (line == ".PP" and written and written[-1].startswith((".SH", ".SS"))):
            written.append(line)
    return "\n".join(written) + "\n"


def header(name: str, section: int, date: str, product: str) -> Iterator[str]:
    """The first lines of a page; `date` as 2026-01-31."""
    yield ".nr HY 0"  # groff: nothing is hyphenated; a command that is broken by a hyphen cannot be copied
    yield f'.TH "{escaped(name.upper())}" {section} {date} "{escaped(product)}"'
    yield ".ad l"


def heading(title: str) -> Iterator[str]:
    """A section."""
    yield f".SH {title.upper()}"


def subheading(title: str) -> Iterator[str]:
    """A section within one."""
    yield f'.SS "{escaped(title)}"'


def paragraphs(text: str) -> Iterator[str]:
    """Running text; an empty line begins a new paragraph."""
    for part in text.split("\n\n"):
        yield ".PP"
        yield from _prose(part)


def item(term: str, text: str) -> Iterator[str]:
    """A term, and what it is; an empty line begins a new paragraph."""
    yield f".TP {INDENT}"
    yield f"\\fB{escaped(term)}\\fR"
    first, *more = text.split("\n\n")
    yield from _prose(first)
    for part in more:
        yield f'.IP "" {INDENT}'
        yield from _prose(part)


def example(lines: Iterable[str]) -> Iterator[str]:
    """Lines as they are."""
    yield from (".PP", ".RS 4", ".EX")
    yield from (_guarded(escaped(line)) for line in lines)
    yield from (".EE", ".RE")


def calls(lines: Iterable[str]) -> Iterator[str]:
    """How a program is called, one way a line."""
    yield ".nf"
    for line in lines:
        words, bracket, rest = line.partition(" [")
        yield f"\\fB{escaped(words)}\\fR{escaped(bracket + rest)}"
    yield ".fi"


def escaped(text: str) -> str:
    """The text, each character as itself."""
    return "".join(_SPECIAL.get(char) or (char if char.isascii() else f"\\[u{ord(char):04X}]") for char in text)


def _prose(text: str) -> Iterator[str]:
    for sentence in _SENTENCE_END.split(" ".join(text.split())):
        for line in textwrap.wrap(_bolded(sentence), LONGEST_LINE, break_on_hyphens=False, break_long_words=False):
            yield _guarded(line)


def _bolded(text: str) -> str:
    parts, at = [], 0
    for match in _BOLD.finditer(text):
        parts += [escaped(text[at : match.start()]), f"\\fB{escaped(match[1] or match[2])}\\fR"]
        at = match.end()
    return "".join((*parts, escaped(text[at:])))


def _guarded(line: str) -> str:
    """A line that no roff takes for a request."""
    return f"\\&{line}" if line.startswith((".", "'")) else line
