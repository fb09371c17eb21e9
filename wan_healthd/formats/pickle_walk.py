"""Walks over a pickle without running it: only how long each instruction is, and the few words that matter to us.

The instructions are those of protocols 0 to 3, as documented in CPython's `pickletools`; nothing is ever built, imported or
called.
"""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.formats.cursor import Cursor
from wan_healthd.formats.strict_json import TooMuch

MAX_STEPS = 500_000
"""Instructions, and bytes of lines, that are walked over in one file: half a second. Real models have some ten thousand."""
MAX_LINE_BYTES = 1024
MAX_STORAGE_TYPES = 32
"""torch has some twenty; more are given up."""

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
_STRINGS = frozenset(b"UXTSV")
_LIST_OF_STRINGS = _STRINGS | frozenset(b"]eaqr(p.\x80")


class UnknownInstruction(Exception):
    """The pickle holds something that these protocols do not have."""


class Walk(Struct, frozen=True):
    """What was passed on the way.

    Args:
        storage_types: names of the classes it mentions that end in "Storage", without their modules; None where too many.
        strings: how many strings it holds.
        is_list_of_strings: whether it holds nothing else, and every string stands in it, so that `strings` is its length.
    """

    storage_types: frozenset[bytes] | None
    strings: int
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
        storages: set[bytes] = set()
        strings = 0
        opcode = -1
        while opcode != _STOP:
            self._step()
            opcode = self._cursor.take(1)[0]
            seen.add(opcode)
            strings += opcode in _STRINGS
            if opcode == _GLOBAL:
                self._line()
                name = self._line()
                if name.endswith(b"Storage") and len(storages) <= MAX_STORAGE_TYPES:
                    storages.add(name)
            else:
                self._pass(opcode)
        kept = frozenset(storages) if len(storages) <= MAX_STORAGE_TYPES else None
        return Walk(kept, strings, seen <= _LIST_OF_STRINGS)

    def _pass(self, opcode: int) -> None:
        """Go to the next instruction."""
        cursor = self._cursor
        if (length := _FIXED_BYTES.get(opcode)) is not None:
            cursor.skip(length)
        elif (width := _LENGTH_BYTES.get(opcode)) is not None:
            cursor.skip(int.from_bytes(cursor.take(width), "little"))
        elif (lines := _LINES.get(opcode)) is not None:
            for _ in range(lines):
                self._line()
        else:
            raise UnknownInstruction(f"a pickle has the instruction 0x{opcode:02x} at byte {cursor.offset - 1}")

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
