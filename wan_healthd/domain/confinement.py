"""What keeps a process that reads untrusted bytes from doing anything else, and how much of it is in force."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Layer(Struct, frozen=True):
    """One thing that confines a process; each holds without the others.

    Attributes:
        name: "no-new-privileges", "no-capabilities", "landlock" or "system-calls".
        in_force: whether the kernel took it.
        detail: what exactly is in force, or why it is not: one line for people.
    """

    name: Annotated[str, Meta(max_length=40)]
    in_force: bool
    detail: Annotated[str, Meta(max_length=200)]


class Confinement(Struct, frozen=True):
    """All layers, also those that are not in force."""

    layers: Annotated[tuple[Layer, ...], Meta(max_length=16)]

    @property
    def lacking(self) -> tuple[Layer, ...]:
        """The layers that are not in force; empty where everything is."""
        return tuple(layer for layer in self.layers if not layer.in_force)
