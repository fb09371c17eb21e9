"""What a pickle would build, as far as it concerns storages of torch: its stack is followed; nothing is imported or called.

What each instruction does to the stack is documented in CPython's `pickletools`, for protocols 0 to 5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wan_healthd.formats.pickle_values import OPAQUE, StorageNeed, StorageType, Tensor, Value, class_named, made_of

MAX_KEPT_ITEMS = 8
"""Longer tuples are opaque: six values describe a storage, seven a tensor."""


class PickleStack:
    """The stack and the memo of one pickle.

    Attributes:
        storages: what it says of each storage, by key.
        names: the name under which the first tensor over a storage stands, by the storage's key; not all have one.
        is_understood: whether all that it refers to outside of itself is such storages.
    """

    def __init__(self) -> None:
        self.storages: dict[bytes, StorageNeed] = {}
        self.names: dict[bytes, bytes] = {}
        self.is_understood = True
        self._values: list[Value] = []
        self._marks: list[int] = []
        self._memo: dict[Value, Value] = {}

    def apply(self, opcode: int, argument: Value) -> None:
        """Follow one instruction; `argument` is what is written behind it, OPAQUE where that does not matter.

        Raises:
            LookupError: it takes what nobody put there, so no unpickler accepts it.
        """
        effect = _EFFECTS.get(opcode)
        if effect is not None:
            effect(self, argument)

    def push(self, argument: Value) -> None:
        """Lay down a value."""
        self._values.append(argument)

    def put(self, argument: Value) -> None:
        """Remember the top."""
        self._memo[argument] = self._values[-1]

    def get(self, argument: Value) -> None:
        """Recall."""
        self._values.append(self._memo[argument])

    def mark(self, _argument: Value) -> None:
        """Where a list of values begins."""
        self._marks.append(len(self._values))

    def memoize(self, _argument: Value) -> None:
        """Remember the top in the next place."""
        self.put(len(self._memo))

    def name_class(self, _argument: Value) -> None:
        """The class whose name is on top, above that of its module."""
        name = self._values.pop()
        self._values.pop()
        self._values.append(class_named(name))

    def pop(self, _argument: Value) -> None:
        """Take the top away, which may be a mark."""
        if self._marks and self._marks[-1] == len(self._values):
            self._marks.pop()
        else:
            self._values.pop()

    def drop(self, _argument: Value) -> None:
        """Take the top away: also what a state does that goes into the object below it."""
        self._values.pop()

    def drop_marked(self, _argument: Value) -> None:
        """Take all away down to the mark."""
        self._take_marked()

    def double(self, _argument: Value) -> None:
        """Lay down the top once more."""
        self._values.append(self._values[-1])

    def make_marked(self, _argument: Value) -> None:
        """An object, list or dictionary of what stands above the mark."""
        self._add(self._take_marked())
        self._values.append(OPAQUE)

    def tuple_marked(self, _argument: Value) -> None:
        """A tuple of what stands above the mark."""
        items = self._take_marked()
        self._values.append(tuple(items) if len(items) <= MAX_KEPT_ITEMS else OPAQUE)

    def tuple_of(self, length: int) -> None:
        """A tuple of the topmost values."""
        items = [self._values.pop() for _ in range(length)]
        self._values.append(tuple(reversed(items)))

    def call(self, _argument: Value) -> None:
        """The result of a call."""
        arguments = self._values.pop()
        self._values.pop()
        self._values.append(made_of(arguments))

    def call_by_name(self, argument: Value) -> None:
        """The result of a call that has arguments with names too."""
        self._values.pop()
        self.call(argument)

    def add_marked(self, _argument: Value) -> None:
        """What stands above the mark goes into the list or dictionary below it."""
        self._add(self._take_marked())

    def add_pair(self, _argument: Value) -> None:
        """A name and a value go into the dictionary below them."""
        value, name = self._values.pop(), self._values.pop()
        self._add((name, value))

    def refer(self, _argument: Value) -> None:
        """What the tuple on top stands for: `('storage', type, key, location, elements, view)`, or a module's source.

        Of several descriptions of one storage, torch writes and reads it by the first.
        """
        match self._values.pop():
            case (b"storage", StorageType() as kind, bytes() as key, _, int() as elements, _) if elements >= 0:
                self.storages.setdefault(key, StorageNeed(kind.name, elements))
                self._values.append(Tensor(key))
            case (b"module", *_):
                self._values.append(OPAQUE)
            case _:
                self.refer_by_line(OPAQUE)

    def refer_by_line(self, _argument: Value) -> None:
        """Something outside that we do not know."""
        self.is_understood = False
        self._values.append(OPAQUE)

    def _take_marked(self) -> Sequence[Value]:
        start = self._marks.pop()
        items = self._values[start:]
        del self._values[start:]
        return items

    def _add(self, items: Sequence[Value]) -> None:
        """Names and tensors in turn: a dictionary's items, or a pair of those that Python 2 made an ordered one of."""
        for name, value in zip(items[::2], items[1::2], strict=False):
            if isinstance(name, bytes) and isinstance(value, Tensor):
                self.names.setdefault(value.key, name)


def _tuple_of(length: int) -> Callable[[PickleStack, Value], None]:
    def make(stack: PickleStack, _argument: Value) -> None:
        stack.tuple_of(length)

    return make


_EFFECTS: dict[int, Callable[[PickleStack, Value], None]] = {
    **dict.fromkeys(b"IFNLSVKMJGUXTBCc])}\x82\x83\x84\x88\x89\x8a\x8b", PickleStack.push),
    **dict.fromkeys(b"\x8c\x8d\x8e\x8f\x96\x97", PickleStack.push),
    **dict.fromkeys(b"pqr", PickleStack.put),
    **dict.fromkeys(b"ghj", PickleStack.get),
    **dict.fromkeys(b"ab", PickleStack.drop),
    **dict.fromkeys(b"iold\x91", PickleStack.make_marked),
    **dict.fromkeys(b"eu", PickleStack.add_marked),
    **dict.fromkeys(b"R\x81", PickleStack.call),
    **dict.fromkeys(b"1\x90", PickleStack.drop_marked),
    ord("("): PickleStack.mark,
    ord("0"): PickleStack.pop,
    ord("2"): PickleStack.double,
    ord("t"): PickleStack.tuple_marked,
    ord("s"): PickleStack.add_pair,
    ord("Q"): PickleStack.refer,
    ord("P"): PickleStack.refer_by_line,
    0x92: PickleStack.call_by_name,
    0x93: PickleStack.name_class,
    0x94: PickleStack.memoize,
    0x85: _tuple_of(1),
    0x86: _tuple_of(2),
    0x87: _tuple_of(3),
}
"""Instructions without an effect, such as the one that states the protocol, are not among them."""
