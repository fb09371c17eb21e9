"""A JSON object of the daemon's, read key by key.

This is the one door through which the daemon's words reach people: every key is checked, so that an answer of another version
or of an impostor gives an error with the key's name instead of a crash, and every text comes out printable, so that none can
harm a terminal.
"""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any

from wan_healthd.client.errors import AnswerNotUnderstood
from wan_healthd.domain.paths import printable, printable_lines


def parse(body: bytes) -> Document:
    """The object that `body` holds.

    Raises:
        AnswerNotUnderstood: it is not a JSON object.
    """
    try:
        found = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise AnswerNotUnderstood("it is not JSON") from None
    if not isinstance(found, dict):
        raise AnswerNotUnderstood("it is not a JSON object")
    return Document(found, "")


def _no_constant(name: str) -> None:
    raise ValueError(name)


class Document:
    """An object; `plain` is as it came, for output as JSON. All readers raise AnswerNotUnderstood, naming the key.

    Those called `…_or_none` take a key that is absent for one that is null.
    """

    __slots__ = ("_where", "plain")

    def __init__(self, plain: dict[str, Any], where: str) -> None:
        self.plain = plain
        self._where = where

    def text(self, key: str) -> str:
        """A string, made printable."""
        return printable(self._of(key, str, "text"))

    def lines(self, key: str) -> str:
        """A string of perhaps several lines, made printable; all but the first are indented."""
        return printable_lines(self._of(key, str, "text"))

    def text_or_none(self, key: str) -> str | None:
        """A string, made printable, or None."""
        return None if self._is_null(key) else self.text(key)

    def count(self, key: str) -> int:
        """A whole number."""
        found = self._of(key, int, "a whole number")
        if isinstance(found, bool):
            raise self._wrong(key, "a whole number")
        return int(found)

    def count_or_none(self, key: str) -> int | None:
        """A whole number or None."""
        return None if self._is_null(key) else self.count(key)

    def number(self, key: str) -> float:
        """A finite number."""
        found = self.plain.get(key)
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            raise self._wrong(key, "a number")
        try:
            number = float(found)
        except OverflowError:
            raise self._wrong(key, "a number") from None
        if not math.isfinite(number):
            raise self._wrong(key, "a number")
        return number

    def number_or_none(self, key: str) -> float | None:
        """A finite number or None."""
        return None if self._is_null(key) else self.number(key)

    def flag(self, key: str) -> bool:
        """True or false."""
        return bool(self._of(key, bool, "true or false"))

    def moment(self, key: str) -> datetime:
        """A time with its zone (RFC 3339)."""
        try:
            found = datetime.fromisoformat(self._of(key, str, "a time"))
        except ValueError:
            raise self._wrong(key, "a time") from None
        if found.tzinfo is None:
            raise self._wrong(key, "a time")
        return found

    def moment_or_none(self, key: str) -> datetime | None:
        """A time or None."""
        return None if self._is_null(key) else self.moment(key)

    def part(self, key: str) -> Document:
        """An object inside."""
        return Document(self._of(key, dict, "an object"), f"{self._where}{key}.")

    def part_or_none(self, key: str) -> Document | None:
        """An object inside, or None."""
        return None if self._is_null(key) else self.part(key)

    def parts(self, key: str) -> list[Document]:
        """A list of objects."""
        found = self._of(key, list, "a list")
        if not all(isinstance(item, dict) for item in found):
            raise self._wrong(key, "a list of objects")
        return [Document(item, f"{self._where}{key}[{place}].") for place, item in enumerate(found)]

    def texts(self, key: str) -> list[str]:
        """A list of strings, made printable."""
        found = self._of(key, list, "a list")
        if not all(isinstance(item, str) for item in found):
            raise self._wrong(key, "a list of texts")
        return [printable(item) for item in found]

    def _is_null(self, key: str) -> bool:
        return self.plain.get(key) is None

    def _of(self, key: str, kind: type, wanted: str) -> Any:
        found = self.plain.get(key)
        if not isinstance(found, kind):
            raise self._wrong(key, wanted)
        return found

    def _wrong(self, key: str, wanted: str) -> AnswerNotUnderstood:
        return AnswerNotUnderstood(f"{self._where}{key} should be {wanted}")
