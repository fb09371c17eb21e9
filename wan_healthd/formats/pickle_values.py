"""What stands on the stack of a pickle, as far as it concerns storages of torch; nothing is imported or called.

Values are texts, numbers, short tuples of values, classes of storages, and tensors; all else is OPAQUE.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct


class StorageType(Struct, frozen=True, gc=False):
    """A class whose name ends in "Storage"."""

    name: bytes


class Tensor(Struct, frozen=True, gc=False):
    """A storage, or what was made of it; `key` is the storage's."""

    key: bytes


class StorageNeed(Struct, frozen=True, gc=False):
    """What a pickle says of one storage: the name of its class, and how many elements it has."""

    type_name: bytes
    elements: int


Value: TypeAlias = "bytes | int | tuple[Value, ...] | StorageType | Tensor | None"
OPAQUE = None


def class_named(name: Value) -> Value:
    """A class of storages; any other one does not matter."""
    return StorageType(name) if isinstance(name, bytes) and name.endswith(b"Storage") else OPAQUE


def made_of(arguments: Value) -> Value:
    """Over which storage a call makes a tensor (`torch._utils`), also where a tensor has attributes (`torch._tensor`)."""
    match arguments:
        case (Tensor() as first, *_) | (_, _, (Tensor() as first, *_), *_):
            return first
        case _:
            return OPAQUE
