"""Pickles are followed as an unpickler would, without building anything."""

from __future__ import annotations

import io
import pickle
import pickletools
from collections import OrderedDict
from typing import NamedTuple

import pytest

from tests.fakes.windows import BytesWindow
from wan_healthd.formats.cursor import Cursor
from wan_healthd.formats.pickle_values import StorageNeed
from wan_healthd.formats.pickle_walk import PickleWalker, Walk
from wan_healthd.formats.strict_json import Malformed


class FloatStorage:
    """Stands for torch's class of that name."""


class Stored(NamedTuple):
    """What torch keeps outside the pickle; a module's source where there is no number."""

    key: str
    elements: int | None


class Plain:
    """Has a state of its own."""

    def __init__(self, **state: object) -> None:
        self.__dict__ = state


def rebuild(storage: Stored, *more: object) -> object:
    """Stands for `torch._utils._rebuild_tensor_v2`; never called."""
    raise NotImplementedError


class Tensor:
    """Is rebuilt from its storage, or from another tensor."""

    def __init__(self, over: object) -> None:
        self._over = over

    def __reduce__(self) -> tuple[object, ...]:
        return rebuild, (self._over, 0, (2, 3), (3, 1), False, OrderedDict())


class Pickler(pickle._Pickler):
    """Refers to storages as torch does."""

    def persistent_id(self, obj: object) -> object:
        if not isinstance(obj, Stored):
            return None
        if obj.elements is None:
            return "module", FloatStorage, "net.py", "class Net: pass"
        return "storage", FloatStorage, obj.key, "cpu", obj.elements, ("1", 0, 3)


def walked(document: object, protocol: int) -> Walk:
    sink = io.BytesIO()
    Pickler(sink, protocol).dump(document)
    cursor = Cursor(BytesWindow(sink.getvalue() + b"behind"))
    walk = PickleWalker(cursor).walk()
    assert cursor.remaining == len(b"behind")
    return walk


ONE, TWO, HUGE = Stored("1", 10), Stored("2", 0), Stored("3", 2**40)
DOCUMENT = {
    "step": 3,
    "model": OrderedDict({"a.weight": Tensor(ONE), "a.bias": Tensor(Tensor(TWO))}),
    "again": [Tensor(ONE), ("tied", Tensor(ONE)), {"late": Tensor(HUGE)}],
    "flags": (True, False, None, 1.5, -7, 2**70, "x" * 600, b"bytes", {1, 2}, frozenset({3})),
    "net": Stored("source", None),
    "state": Plain(inner={"w": Tensor(Stored("4", 5))}, empty=(), long=tuple(range(20))),
}
NEEDS = {key: StorageNeed(b"FloatStorage", elements) for key, elements in {b"1": 10, b"2": 0, b"3": 2**40, b"4": 5}.items()}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_storages_and_the_names_of_their_tensors_are_found(protocol: int) -> None:
    walk = walked(DOCUMENT, protocol)
    assert walk.storages == NEEDS
    assert walk.names == {b"1": b"a.weight", b"2": b"a.bias", b"3": b"late", b"4": b"w"}
    assert not walk.is_list_of_strings


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_lists_of_strings_are_known(protocol: int) -> None:
    for names in ([], ["a"], ["a", "b"], [str(number) for number in range(3000)]):
        walk = walked(names, protocol)
        assert (walk.is_list_of_strings, walk.texts) == (True, tuple(name.encode() for name in names))
    assert not walked(["a", 1], protocol).is_list_of_strings
    assert walked(["a" * 600], protocol).texts == (None,)


def test_ordered_pairs_of_python_2_have_names() -> None:
    storage = b"(U\7storagectorch\nFloatStorage\nU\0011U\3cpuK\nNtQ"
    pairs = b"\x80\2ccollections\nOrderedDict\nq\1](](U\4headctorch._utils\n_rebuild_tensor\n(" + storage + b"K\0)tReetR."
    walk = PickleWalker(Cursor(BytesWindow(pairs.replace(b"\nq\1](", b"\nq\1(](")))).walk()
    assert (walk.storages, walk.names) == ({b"1": StorageNeed(b"FloatStorage", 10)}, {b"1": b"head"})


REST = {
    "pop and double": b"\x80\2K\1K\0020" + b"2\x86.",
    "pop down to the mark": b"\x80\2N(K\1K\0021.",
    "an instance": b"\x80\2(K\1i__main__\nPlain\n.",
    "an object": b"\x80\2(c__main__\nPlain\nK\1o.",
    "lines": b"\x80\2(I1\nL2L\nF3.5\nS'four'\nVfive\np7\n0g7\nl.",
    "a dictionary at once": b"\x80\2(U\1aK\1d.",
    "pairs one by one": b"\x80\2}U\1aK\1s.",
    "long places": b"\x80\2Nr\0\1\0\0000j\0\1\0\0.",
    "extensions": b"\x80\2(\x82\1\x83\1\0\x84\1\0\0\0t.",
    "pop a mark": b"\x80\2K\1(0.",
    "arguments with names": b"\x80\4\x8c\1x\x8c\1y\x93)}\x92.",
    "sets and buffers": b"\x80\5\x8f(K\1\x90(K\2\x91\x97\x98\x96"
    + bytes(8)
    + b"\x8e"
    + bytes(8)
    + b"\x8d"
    + bytes(8)
    + b"\x94.",
    "tuples": b"\x80\2K\1\x85K\2\x86K\3K\4\x87.",
    "an empty set of everything": b"\x80\2](])}\x88\x89G" + bytes(8) + b"C\1xB\1\0\0\0x\x8b\1\0\0\0\1T\1\0\0\0xe.",
}


@pytest.mark.parametrize("data", REST.values(), ids=REST)
def test_seldom_instructions_are_followed_too(data: bytes) -> None:
    assert PickleWalker(Cursor(BytesWindow(data))).walk().storages == {}


def test_a_tensor_with_attributes_has_a_name() -> None:
    """torch: `_rebuild_from_type_v2(function, type, arguments, state)`."""
    storage = b"(U\7storagectorch\nFloatStorage\nU\0011U\3cpuK\nNtQ"
    call = b"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor\nctorch\nTensor\n" + storage + b"K\0\x86}tR"
    walk = PickleWalker(Cursor(BytesWindow(b"\x80\2}U\4head" + call + b"s."))).walk()
    assert walk.names == {b"1": b"head"}


NOT_STATED = {"PUT": 1, "BINPUT": 1, "LONG_BINPUT": 1}
"""What pickletools leaves out: these look at the top."""
OTHERS = [opcode for opcode in pickletools.opcodes if opcode.name not in {"STOP", "MARK", "POP"}]


def argument_of(opcode: pickletools.OpcodeInfo) -> bytes:
    """Zeros, an empty text, or as many lines as the instruction has."""
    match opcode.arg:
        case None:
            return b""
        case pickletools.ArgumentDescriptor(n=pickletools.UP_TO_NEWLINE, name=name):
            return b"0\n" * (2 if "pair" in name else 1)
        case argument:
            counted = {pickletools.TAKEN_FROM_ARGUMENT1: 1, pickletools.TAKEN_FROM_ARGUMENT8U: 8}
            return bytes(argument.n if argument.n > 0 else counted.get(argument.n, 4))


@pytest.mark.parametrize("opcode", OTHERS, ids=lambda opcode: opcode.name)
def test_every_instruction_takes_and_leaves_what_python_says(opcode: pickletools.OpcodeInfo) -> None:
    """Else an intact file might be accused."""
    taken = b"".join(b"(" if item is pickletools.markobject else b"N" for item in opcode.stack_before)
    looked_at = b"N" * NOT_STATED.get(opcode.name, 0)
    left = len(opcode.stack_after) + len(looked_at)
    code = b"Np0\n0" + taken + looked_at + opcode.code.encode("latin-1") + argument_of(opcode)
    PickleWalker(Cursor(BytesWindow(code + b"0" * left + b"."))).walk()
    with pytest.raises(Malformed):
        PickleWalker(Cursor(BytesWindow(code + b"0" * (left + 1) + b"."))).walk()
