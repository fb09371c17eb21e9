"""A bounded reader of hostile JSON that accepts exactly what Rust's serde_json accepts.

It yields symbols and builds nothing, so that a header of millions of nested or repeated values costs no memory. Where the usual
decoders differ from serde_json (all found against the real loader): numbers that overflow a double are errors even in ignored
fields, 128 nested containers are one too many, and so are lone surrogates.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import msgspec

MAX_DEPTH = 127
"""Containers that may be open at once: serde_json's recursion limit of 128 is reached by the next one."""

MAX_SYMBOLS = 2_000_000
"""What is read before giving up, a second or so: some 80,000 tensors. Real headers rarely come here at all."""

_SPACE = r"[ \t\n\r]*+"
_SYMBOL = re.compile(
    _SPACE + r"("
    r"[{}\[\]:,]"
    r'|"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
    r"|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
    r"|true|false|null"
    r"|\Z)"
)
_NUMBER = re.compile(r"-?([0-9]++)(?:\.([0-9]++))?(?:[eE]([+-]?)([0-9]++))?")
_WORDS = frozenset({"true", "false", "null"})
_FLOAT_DIGITS = 400
"""Longer numbers are shortened before they are converted: `float` takes quadratic time on digits."""


class Malformed(Exception):
    """The text breaks a rule; `code` names it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class TooMuch(Exception):
    """The text has more symbols than are read."""


class JsonReader:
    """Reads one JSON text symbol by symbol; every method raises Malformed or TooMuch."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._left = MAX_SYMBOLS

    def symbol(self) -> str:
        """The next symbol as it is written; empty at the end of the text."""
        match = _SYMBOL.match(self._text, self._at)
        if match is None:
            raise self.error("expected a JSON value")
        self._left -= 1
        if self._left < 0:
            raise TooMuch
        self._at = match.end()
        return match[1]

    def error(self, what: str) -> Malformed:
        """The fault at the present place."""
        return Malformed("not-json", f"the header is not valid JSON: {what} near character {self._at}")

    def finish(self) -> None:
        """Demand the end of the text."""
        if self.symbol():
            raise self.error("unexpected text behind the last brace")

    def fields(self) -> Iterator[str]:
        """Names of the object whose brace was just read; the caller reads each value before it asks for the next name."""
        symbol = self.symbol()
        while symbol != "}":
            name = self.string(symbol)
            if self.symbol() != ":":
                raise self.error("expected a colon")
            yield name
            symbol = self._after_item("}")

    def elements(self) -> Iterator[str]:
        """First symbol of each element of the array whose bracket was just read."""
        symbol = self.symbol()
        while symbol != "]":
            yield symbol
            symbol = self._after_item("]")

    def _after_item(self, closing: str) -> str:
        """First symbol of the next item, or the closing mark."""
        symbol = self.symbol()
        if symbol == closing:
            return symbol
        if symbol != ",":
            raise self.error(f"expected a comma or {closing}")
        symbol = self.symbol()
        if symbol == closing:
            raise self.error("trailing comma")
        return symbol

    def string(self, symbol: str) -> str:
        """The text that a string symbol stands for."""
        if not symbol.startswith('"'):
            raise self.error("expected a string")
        if "\\" not in symbol:
            return symbol[1:-1]
        try:
            return msgspec.json.decode(symbol.encode(), type=str)
        except msgspec.DecodeError as error:
            raise self.error("broken escape in a string") from error

    def skip(self, symbol: str, depth: int) -> None:
        """Read over the value that begins with `symbol`; `depth` containers are open around it."""
        if symbol in ("{", "["):
            if depth >= MAX_DEPTH:
                raise Malformed("nesting", f"the header nests more than {MAX_DEPTH} objects and arrays")
            self._skip_container(symbol, depth + 1)
        elif symbol.startswith('"'):
            self.string(symbol)
        elif symbol[:1] in "}],:":
            raise self.error("expected a value")
        elif symbol not in _WORDS and _overflows(symbol):
            raise self.error("number out of range")

    def _skip_container(self, symbol: str, depth: int) -> None:
        if symbol == "{":
            for _ in self.fields():
                self.skip(self.symbol(), depth)
        else:
            for first in self.elements():
                self.skip(first, depth)


def _overflows(number: str) -> bool:
    """Whether a double cannot hold the number; bounded time for any length."""
    if len(number) <= _FLOAT_DIGITS:
        return math.isinf(float(number))
    match = _NUMBER.fullmatch(number)
    if match is None:
        return False
    whole, fraction, sign, power = (part or "" for part in match.groups())
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return False
    leading_zeros = len(whole) + len(fraction) - len(digits)
    exponent = int(power.lstrip("0")[:12] or "0") * (-1 if sign == "-" else 1)
    return math.isinf(float(f"0.{digits[:40]}e{len(whole) - leading_zeros + exponent}"))
