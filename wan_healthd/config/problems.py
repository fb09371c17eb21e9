"""What is wrong with the configuration, and where."""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.domain.paths import printable

SHOWN_CHARS = 60


class Place(Struct, frozen=True):
    """A file, and a line from 1 where it is known."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


class Problem(Struct, frozen=True):
    """One error: where, which key, what was expected and found, and what to do. `key` is empty for a whole file.

    As text it is one printable line.
    """

    place: Place
    key: str
    message: str
    cure: str

    def __str__(self) -> str:
        about = f"{self.key}: " if self.key else ""
        return printable(f"{self.place}: {about}{self.message}; {self.cure}")


def shown(value: object) -> str:
    """A TOML value for people: short, perhaps not printable yet."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{_cut(value)}"'
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, list):
        return "an array"
    return "a table" if isinstance(value, dict) else f"the date or time {value}"


def _number(value: float) -> str:
    try:
        return _cut(str(value))
    except ValueError:
        return "a number of thousands of digits"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "…"
