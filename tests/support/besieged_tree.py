"""A tree of models that somebody writes to while the daemon lives and while it is dead, and what must be known of it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

from tests.fakes.safetensors_files import sample
from tests.support.control import Document
from tests.support.damage import block_of, edit, flip_bit

MIB = 1 << 20
SMALLEST_BYTES, LARGEST_BYTES = 4 * MIB, 12 * MIB
HEADER_BYTES = 64 << 10
"""Damage keeps clear of the header, so that one flipped bit is one finding with one range."""
MOST_FLIPS = 3


Turn = Callable[[Path, int], object]
"""Turns one bit of a file, at an offset."""


def rewrite(path: Path, offset: int) -> None:
    """Somebody does it, and puts the time of the last write back."""
    edit(path, flip_bit(offset), keep_mtime=True)


class Slot:
    """A place in the tree where a model of one file is, was, or may come to be.

    Attributes:
        flips: offsets of the bits that are turned now.
        is_known: a client saw it judged, so that there is a baseline and what happens to it must be noticed.
        issues: what a client last read of its damage; None if something happened to it since.
    """

    def __init__(self, path: Path, attic: Path, size_bytes: int) -> None:
        self.path = path
        self.attic = attic / path.name
        self.size_bytes = size_bytes
        self.flips: set[int] = set()
        self.is_known = False
        self.issues: list[Document] | None = None

    @property
    def model_id(self) -> str:
        return self.path.name

    @property
    def is_there(self) -> bool:
        return self.path.exists()

    @property
    def wanted(self) -> str | None:
        """The status that it must have once all is judged; None where nobody can say."""
        if not self.is_there:
            return "missing" if self.is_known else None
        return "corrupted" if self.flips else "healthy"

    @property
    def ranges(self) -> list[Document]:
        """The damaged ranges as a finding writes them: whole blocks, neighbours joined."""
        merged: list[Document] = []
        for block in sorted({block_of(offset, self.size_bytes)["offset"] for offset in self.flips}):
            length = block_of(block, self.size_bytes)["length"]
            if merged and merged[-1]["offset"] + merged[-1]["length"] == block:
                merged[-1]["length"] += length
            else:
                merged.append({"offset": block, "length": length})
        return merged

    def toggle(self, offset: int, turn: Turn) -> None:
        """Turn one bit."""
        turn(self.path, offset)
        self.flips ^= {offset}
        self.issues = None


class Tree:
    """The models of one folder; `act` does something to one of them. Two slots of a pair share one file, which moves.

    Args:
        rot: turns a bit without a trace, as a dying disk does; then only a full sweep can notice, and nothing moves.
    """

    def __init__(self, folder: Path, attic: Path, rng: random.Random, models: int, rot: Turn | None = None) -> None:
        self._rng = rng
        self._turn = rot or rewrite
        self.is_rotting = rot is not None
        attic.mkdir()
        self.pairs: list[tuple[Slot, Slot]] = []
        for number in range(models):
            content = sample(rng.randrange(1 << 30), rng.randrange(SMALLEST_BYTES, LARGEST_BYTES), 12)
            one, two = (Slot(folder / f"{name}{number:02}.safetensors", attic, len(content)) for name in ("model", "renamed"))
            one.path.write_bytes(content)
            self.pairs.append((one, two))
        self.slots = [slot for pair in self.pairs for slot in pair]
        in_place = (self._damage, self._damage, self._cure)
        self._acts: tuple[Callable[[], str], ...] = (
            in_place if self.is_rotting else (*in_place, self._vanish, self._return, self._move)
        )

    @property
    def size_bytes(self) -> int:
        """All that is there."""
        return sum(slot.size_bytes for slot in self.slots if slot.is_there)

    def act(self) -> str:
        """Do one thing, or nothing if there is nothing to do it to; says what."""
        return self._rng.choice(self._acts)()

    def _damage(self) -> str:
        slot = self._any(lambda slot: slot.is_known and slot.is_there and len(slot.flips) < MOST_FLIPS)
        if slot is None:
            return "nothing"
        offset = self._rng.randrange(HEADER_BYTES, slot.size_bytes)
        if offset not in slot.flips:
            slot.toggle(offset, self._turn)
        return f"damage {slot.model_id} at {offset}"

    def _cure(self) -> str:
        slot = self._any(lambda slot: slot.is_there and bool(slot.flips))
        if slot is None:
            return "nothing"
        for offset in list(slot.flips):
            slot.toggle(offset, self._turn)
        return f"cure {slot.model_id}"

    def _vanish(self) -> str:
        slot = self._any(lambda slot: slot.is_there and not slot.flips)
        return "nothing" if slot is None else self._rename(slot.path, slot.attic)

    def _return(self) -> str:
        slot = self._any(lambda slot: slot.attic.exists())
        return "nothing" if slot is None else self._rename(slot.attic, slot.path)

    def _move(self) -> str:
        slot = self._any(lambda slot: slot.is_there and not slot.flips)
        if slot is None:
            return "nothing"
        other = next(one if two is slot else two for one, two in self.pairs if slot in (one, two))
        return self._rename(slot.path, other.path)

    @staticmethod
    def _rename(source: Path, target: Path) -> str:
        os.rename(source, target)
        return f"rename {source.parent.name}/{source.name} to {target.parent.name}/{target.name}"

    def _any(self, wanted: Callable[[Slot], bool]) -> Slot | None:
        found = [slot for slot in self.slots if wanted(slot)]
        return self._rng.choice(found) if found else None
