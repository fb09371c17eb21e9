"""Protocol Buffers without their schema: a walk over the outermost fields of a message that fills a file.

Such a file has neither a magic nor a length nor a checksum, so little can be said: that it looks like the message that it
should be, and that its last field ends before the file does. It is never called corrupt for more than that; digests tell
the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from msgspec import Struct

from wan_healthd.domain.evidence import HeaderFacts, HeaderFault
from wan_healthd.formats.cursor import Cursor, OverBudget, Short
from wan_healthd.formats.impostors import judge_weights
from wan_healthd.formats.window import MAX_FILE_BYTES, Window

MAX_FIELDS = 400_000
"""Outermost fields that are read before giving up; the vocabulary of UMT5 has one for each of its 256,000 pieces."""


class Wire(IntEnum):
    """How a field's value is written; the outermost fields of our messages know only these two ways."""

    VARINT = 0
    LENGTH = 2


class Message(Struct, frozen=True):
    """What a file's message looks like.

    Args:
        format: name of the format.
        fields: wire type of each outermost field, by number.
        first: number of the field that every writer puts first.
        first_values: least and most that this field's value, or its length, can be.
    """

    format: str
    fields: Mapping[int, Wire]
    first: int
    first_values: tuple[int, int]


class Strange(Exception):
    """Not the message that it should be, as far as we know it."""


def judge_message(message: Message, window: Window) -> HeaderFacts:
    """Whether the file looks like the message; "truncated" where its last field runs over the end."""
    impostor = judge_weights(message.format, window)
    if impostor is not None:
        return impostor
    walk = _Walk(message, Cursor(window))
    try:
        walk.run()
    except Strange as strange:
        return HeaderFacts(format=message.format, undecided="unknown-to-us", undecided_detail=str(strange))
    except OverBudget:
        detail = "the message has more fields than are read of one file"
        return HeaderFacts(format=message.format, undecided="header-too-large-to-judge", undecided_detail=detail)
    except Short as short:
        return _cut(message, walk, short, window.size_bytes)
    return HeaderFacts(format=message.format)


def _cut(message: Message, walk: _Walk, short: Short, size_bytes: int) -> HeaderFacts:
    if not walk.is_recognised:
        return HeaderFacts(
            format=message.format, undecided="unknown-to-us", undecided_detail="the file is too short to be told"
        )
    declared_bytes = size_bytes + short.missing_bytes
    detail = f"the file ends inside its last field: at least {short.missing_bytes} of {declared_bytes} bytes are missing"
    return HeaderFacts(format=message.format, fault=HeaderFault("truncated", detail), declared_bytes=declared_bytes)


class _Walk:
    """Goes from field to field; what a field holds is skipped.

    Attributes:
        is_recognised: whether the first field was as it must be.
    """

    def __init__(self, message: Message, cursor: Cursor) -> None:
        self._message = message
        self._cursor = cursor
        self.is_recognised = False

    def run(self) -> None:
        """Walk to the end of the file; raises Strange, Short or OverBudget."""
        if not self._cursor.remaining:
            raise Strange("the file is empty")
        for _ in range(MAX_FIELDS):
            if not self._cursor.remaining:
                return
            self._field()
        raise OverBudget

    def _field(self) -> None:
        number, wire = self._tag()
        value = self._cursor.varint()
        if value is None:
            raise Strange(f"field {number} has a number that no writer makes")
        if not self.is_recognised:
            self._recognise(number, value)
        if wire is not Wire.VARINT:
            self._pass(number, value)

    def _pass(self, number: int, length: int) -> None:
        if self._cursor.offset + length > MAX_FILE_BYTES:
            raise Strange(f"field {number} has a length that no file has")
        self._cursor.skip(length)

    def _tag(self) -> tuple[int, Wire]:
        tag = self._cursor.varint()
        number = (tag or 0) >> 3
        wire = self._message.fields.get(number)
        if tag is None or wire is None or tag & 7 != wire:
            raise Strange(f"it has a field that {self._message.format} files do not have")
        return number, wire

    def _recognise(self, number: int, value: int) -> None:
        least, most = self._message.first_values
        if number != self._message.first or not least <= value <= most:
            raise Strange(f"it does not begin like a {self._message.format} file")
        self.is_recognised = True
