"""Steps: the folders that a walk comes to, each with the way to it."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import Struct

from wan_healthd.layouts.ground import Ground


class Step(Struct, eq=False):
    """A folder that a walk comes to.

    Args:
        above: the folder that it is in; None for the root.
        ground: what the folder turned out to be; None as long as nobody had to know.
        mark: digest of the ground. It is known, although the ground is not, of a folder that was passed by.
    """

    folder: bytes
    above: Step | None = None
    ground: Ground | None = None
    mark: bytes = b""


def way_to(root: bytes, folder: bytes) -> Step:
    """The step to a folder at which a walk begins, with those above it."""
    step: Step | None = None
    for above in folders_above(root, folder):
        step = Step(above, step)
    return Step(folder, step)


def mark_of(ground: Ground) -> bytes:
    """A digest of the ground."""
    return hashlib.blake2b(msgspec.msgpack.encode(ground, order="deterministic"), digest_size=32).digest()


def folders_above(root: bytes, folder: bytes) -> list[bytes]:
    """The root and each folder between it and `folder`, which is not among them."""
    above = []
    position = root.rstrip(b"/")
    for part in folder[len(position) :].strip(b"/").split(b"/"):
        if part:
            above.append(position or b"/")
            position += b"/" + part
    return above
