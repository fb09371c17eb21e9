"""Walks over a pickle without running it: how long each instruction is, and the few words that matter to `pickle_stack`.

The instructions are those of protocols 0 to 3, as documented in CPython's `pickletools`; nothing is ever built, imported or
called.
"""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.formats.cursor import Cursor
from wan_healthd.formats.pickle_stack import OPAQUE, PickleStack, StorageNeed, StorageType, Value
from wan_healthd.formats.strict_json import TooMuch

MAX_STEPS = 500_000
"""Instructions, and bytes of lines, that are walked over in one file: half a second. Real models have some ten thousand."""
MAX_LINE_BYTES = 1024
MAX_TEXT_BYTES = 512
"""Longer texts are passed over: names of tensors and keys of storages are shorter."""
MAX_NUMBER_BYTES = 8

_STOP = ord(".")
_GLOBAL = ord("c")
_FIXED_BYTES = {
    **dict.fromkeys(b"().012NQRabdel]ostu}", 0),
    **dict.fromkeys(b"\x81\x85\x86\x87\x88\x89", 0),
    **dict.fromkeys(b"Khq\x80\x82", 1),
    **dict.fromkeys(b"M\x83", 2),
    **dict.fromkeys(b"Jjr\x84", 4),
    ord("G"): 8,
}
_LENGTH_BYTES = {**dict.fromkeys(b"UC\x8a", 1), **dict.fromkeys(b"XTB\x8b", 4)}
_LINES = {**dict.fromkeys(b"FILSVPgp", 1), **dict.fromkeys(b"ci", 2)}
_NUMBERS = frozenset(b"KMJqrhj\x8a")
"""Instructions that are followed by a number that matters."""
_MEMO_LINES = frozenset(b"gp")
_SIGNED = frozenset(b"J\x8a")
_TEXTS = frozenset(b"UXT")
_STRINGS = _TEXTS | frozenset(b"SV")
_LIST_OF_STRINGS = _STRINGS | frozenset(b"]eaqr(p.\x80")


class UnknownInstruction(Exception):
    """The pickle holds something that these protocols do not have, or that makes no sense."""


class Walk(Struct, frozen=True):
    """What was passed on the way.

    Args:
        storages: what it says of each storage, by key; None where something outside of it is not understood.
        names: of tensors, by the key of their storage; not all have one.
        texts: its strings in order; None for what was too long to be kept.
        is_list_of_strings: whether it holds nothing else, and every string stands in it.
    """

    storages: dict[bytes, StorageNeed] | None
    names: dict[bytes, bytes]
    texts: tuple[bytes | None, ...]
    is_list_of_strings: bool


class PickleWalker:
    """Walks over pickles that follow one another, within one bound for all.

    Every method raises UnknownInstruction, TooMuch, and what the cursor raises.
    """

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._steps = MAX_STEPS

    def walk(self) -> Walk:
        """Pass over one pickle, up to and with its STOP."""
        seen: set[int] = set()
        texts: list[bytes | None] = []
        stack = PickleStack()
        opcode = -1
        while opcode != _STOP:
            self._step()
            opcode = self._cursor.take(1)[0]
            seen.add(opcode)
            argument = self._argument(opcode)
            if opcode in _STRINGS:
                texts.append(argument if isinstance(argument, bytes) else None)
            try:
                stack.apply(opcode, argument)
            except LookupError:
                raise UnknownInstruction(f"a pickle takes what it never made, before byte {self._cursor.offset}") from None
        storages = stack.storages if stack.is_understood else None
        return Walk(storages, stack.names, tuple(texts), seen <= _LIST_OF_STRINGS)

    def _argument(self, opcode: int) -> Value:
        """What is written behind the instruction, as far as it matters; goes to the next one."""
        if (length := _FIXED_BYTES.get(opcode)) is not None:
            return self._number(length, opcode)
        if (width := _LENGTH_BYTES.get(opcode)) is not None:
            return self._counted(int.from_bytes(self._cursor.take(width), "little"), opcode)
        if (lines := _LINES.get(opcode)) is not None:
            return self._lines(lines, opcode)
        raise UnknownInstruction(f"a pickle has the instruction 0x{opcode:02x} at byte {self._cursor.offset - 1}")

    def _number(self, length: int, opcode: int) -> Value:
        if opcode in _NUMBERS:
            return int.from_bytes(self._cursor.take(length), "little", signed=opcode in _SIGNED)
        self._cursor.skip(length)
        return OPAQUE

    def _counted(self, length: int, opcode: int) -> Value:
        """A text, or a long number."""
        if opcode in _TEXTS and length <= MAX_TEXT_BYTES:
            return self._cursor.take(length)
        if opcode in _SIGNED and length <= MAX_NUMBER_BYTES:
            return self._number(length, opcode)
        self._cursor.skip(length)
        return OPAQUE

    def _lines(self, count: int, opcode: int) -> Value:
        """The name of a class of storages behind that of its module, or a place in the memo."""
        line = b""
        for _ in range(count):
            line = self._line()
        if opcode == _GLOBAL:
            return StorageType(line) if line.endswith(b"Storage") else OPAQUE
        return int(line) if opcode in _MEMO_LINES and line.isdigit() else OPAQUE

    def _line(self) -> bytes:
        line = bytearray()
        while (byte := self._cursor.take(1)) != b"\n":
            self._step()
            line += byte
            if len(line) > MAX_LINE_BYTES:
                raise UnknownInstruction(f"a pickle has a line of more than {MAX_LINE_BYTES} bytes")
        return bytes(line)

    def _step(self) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise TooMuch(f"a pickle of more than {MAX_STEPS} instructions")
