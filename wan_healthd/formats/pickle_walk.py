"""Walks over a pickle without running it: how long each instruction is, and the few words that matter to `pickle_stack`.

The instructions are those of protocols 0 to 5, as documented in CPython's `pickletools`; nothing is ever built, imported or
called.
"""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.formats.cursor import Cursor, Short
from wan_healthd.formats.pickle_stack import PickleStack
from wan_healthd.formats.pickle_values import OPAQUE, StorageNeed, Value, class_named
from wan_healthd.formats.strict_json import Malformed, TooMuch

MAX_STEPS = 500_000
"""Instructions, and bytes of lines, that are walked over in one file: half a second. Real models have some ten thousand."""
MAX_LINE_BYTES = 1024
MAX_TEXT_BYTES = 512
"""Longer texts are passed over: names of tensors and keys of storages are shorter."""
MAX_NUMBER_BYTES = 8

_STOP = ord(".")
_GLOBAL = ord("c")
_FRAME = 0x95
_FIXED_BYTES = {
    **dict.fromkeys(b"().012NQRabdel]ostu}", 0),
    **dict.fromkeys(b"\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98", 0),
    **dict.fromkeys(b"Khq\x80\x82", 1),
    **dict.fromkeys(b"M\x83", 2),
    **dict.fromkeys(b"Jjr\x84", 4),
    **dict.fromkeys(b"G\x95", 8),
}
_LENGTH_BYTES = {**dict.fromkeys(b"UC\x8a\x8c", 1), **dict.fromkeys(b"XTB\x8b", 4), **dict.fromkeys(b"\x8d\x8e\x96", 8)}
_LINES = {**dict.fromkeys(b"FILSVPgp", 1), **dict.fromkeys(b"ci", 2)}
_NUMBERS = frozenset(b"KMJqrhj\x8a")
"""Instructions that are followed by a number that matters."""
_MEMO_LINES = frozenset(b"gp")
_SIGNED = frozenset(b"J\x8a")
_UTF8 = frozenset(b"X\x8c\x8d")
_TEXTS = _UTF8 | frozenset(b"UT")
_NAMES = frozenset(b"ci")
_STRINGS = _TEXTS | frozenset(b"SV")
_LIST_OF_STRINGS = _STRINGS | frozenset(b"]eaqr(p.\x80\x94\x95")


class UnknownInstruction(Exception):
    """The pickle holds something that we do not follow."""


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

    Every method raises Malformed for what no unpickler accepts, UnknownInstruction, TooMuch, and what the cursor raises.
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
                detail = f"a pickle takes what it never made, before byte {self._cursor.offset}"
                raise Malformed("pickle-instruction", detail) from None
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
        detail = f"a pickle has the instruction 0x{opcode:02x}, which does not exist, at byte {self._cursor.offset - 1}"
        raise Malformed("pickle-instruction", detail)

    def _number(self, length: int, opcode: int) -> Value:
        if opcode in _NUMBERS:
            return int.from_bytes(self._cursor.take(length), "little", signed=opcode in _SIGNED)
        if opcode == _FRAME:
            return self._frame()
        self._cursor.skip(length)
        return OPAQUE

    def _frame(self) -> Value:
        """The length of a part of the pickle, which unpicklers read at once."""
        missing_bytes = self._cursor.u64() - self._cursor.remaining
        if missing_bytes > 0:
            raise Short(missing_bytes)
        return OPAQUE

    def _counted(self, length: int, opcode: int) -> Value:
        """A text, or a long number."""
        if opcode in _TEXTS and length <= MAX_TEXT_BYTES:
            text = self._cursor.take(length)
            return self._decodable(text) if opcode in _UTF8 else text
        if opcode in _SIGNED and length <= MAX_NUMBER_BYTES:
            return self._number(length, opcode)
        self._cursor.skip(length)
        return OPAQUE

    def _decodable(self, text: bytes) -> bytes:
        """The text, which may have lone surrogates; what else is not UTF-8 is refused by every unpickler."""
        try:
            text.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise Malformed(
                "pickle-text", f"a pickle has a text that is not UTF-8, before byte {self._cursor.offset}"
            ) from None
        return text

    def _lines(self, count: int, opcode: int) -> Value:
        """The name of a class of storages behind that of its module, or a place in the memo."""
        line = b""
        for _ in range(count):
            line = self._line()
            if opcode in _NAMES:
                self._decodable(line)
        if opcode == _GLOBAL:
            return class_named(line)
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
