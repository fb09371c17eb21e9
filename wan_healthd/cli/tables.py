"""Text in columns and lines. Widths are columns of a terminal, in which a CJK character takes two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

GAP = "  "
ELLIPSIS = "..."
_SHORTEST = 12


class Table(NamedTuple):
    """Rows under headers; all cells are printable. `right` are columns of numbers, `flexible` is the one that may be cut."""

    headers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    flexible: int
    right: frozenset[int] = frozenset()

    def natural_width(self) -> int:
        """Columns that it takes uncut."""
        return sum(self._widths()) + len(GAP) * (len(self.headers) - 1)

    def lines(self, width: int | None, paint: Callable[[int, int, str], str]) -> list[str]:
        """The table in at most `width` columns, as far as cutting the flexible column can achieve that.

        `paint(row, column, padded)` may colour a cell, which changes no width.
        """
        widths = self._widths()
        if width is not None:
            spare = width - (self.natural_width() - widths[self.flexible])
            widths[self.flexible] = min(widths[self.flexible], max(_SHORTEST, spare))
        lines = [GAP.join(self._padded(self.headers, widths))]
        for number, row in enumerate(self.rows):
            lines.append(GAP.join(paint(number, place, cell) for place, cell in enumerate(self._padded(row, widths))))
        return lines

    def _widths(self) -> list[int]:
        return [max(columns(row[place]) for row in (self.headers, *self.rows)) for place in range(len(self.headers))]

    def _padded(self, cells: Sequence[str], widths: Sequence[int]) -> list[str]:
        padded = []
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            shown = shorten(cell, width)
            space = " " * (width - columns(shown))
            is_last = place == len(cells) - 1
            padded.append(space + shown if place in self.right else shown if is_last else shown + space)
        return padded


def columns(text: str) -> int:
    """Columns that the text takes on a terminal (Unicode Standard Annex 11)."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(char) for char in text)


def _columns_of(char: str) -> int:
    from unicodedata import combining, east_asian_width

    if combining(char):
        return 0
    return 2 if east_asian_width(char) in ("W", "F") else 1


def shorten(text: str, width: int) -> str:
    """The text in at most `width` columns: cut in its middle, since ids and paths differ at both ends."""
    if columns(text) <= width:
        return text
    head, tail = "", ""
    left, right = 0, len(text) - 1
    while left <= right:
        if len(head) <= len(tail):
            head, left = head + text[left], left + 1
        else:
            tail, right = text[right] + tail, right - 1
        if columns(head) + columns(tail) + len(ELLIPSIS) > width:
            return (head[:-1] + ELLIPSIS + tail) if len(head) > len(tail) else (head + ELLIPSIS + tail[1:])
    return text


def fill(text: str, width: int | None, indent: str, hanging: str) -> list[str]:
    """The text in lines of at most `width` columns; a longer word, such as a path, stays whole."""
    lines: list[str] = []
    line = indent
    is_fresh = True
    for word in text.split(" "):
        if not is_fresh and width is not None and columns(line) + 1 + columns(word) > width:
            lines.append(line)
            line, is_fresh = hanging, True
        line += word if is_fresh else f" {word}"
        is_fresh = False
    return [*lines, line]
