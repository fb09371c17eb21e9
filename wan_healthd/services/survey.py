"""Surveys: a folder's listing, and the ground that it turns out to be. All calls block."""

from __future__ import annotations

from itertools import pairwise

from msgspec import Struct

from wan_healthd.domain.files import Listing, Presence
from wan_healthd.domain.ports import Files
from wan_healthd.layouts import registry
from wan_healthd.layouts.ground import Ground
from wan_healthd.layouts.registry import Atlas


class Survey(Struct, frozen=True):
    """One folder as a walk found it."""

    listing: Listing
    ground: Ground


class Surveyor:
    """Enters folders as the layouts understand them."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def enter(self, atlas: Atlas, folder: bytes, above: Ground) -> Survey:
        """List `folder`, reached with `above`."""
        listing = self._files.list_folder(atlas.root, folder)
        return Survey(listing, registry.enter(above, listing, atlas, _Nearby(self._files, atlas.root, folder)))

    def ground_above(self, atlas: Atlas, folder: bytes) -> Ground:
        """What a walk from the root would bring along to `folder`."""
        ground = Ground()
        steps = [*folders_above(atlas.root, folder), folder]
        for above, step in pairwise(steps):
            ground = self.enter(atlas, above, ground).ground.below(step.rsplit(b"/", 1)[-1])
        return ground

    def ground_of(self, atlas: Atlas, folder: bytes) -> Ground:
        """The ground of `folder` itself, as a walk from the root would find it."""
        return self.enter(atlas, folder, self.ground_above(atlas, folder)).ground


class _Nearby:
    """What layouts may look at beside a listing."""

    def __init__(self, files: Files, root: bytes, folder: bytes) -> None:
        self._files = files
        self._root = root
        self._folder = folder.rstrip(b"/") + b"/"

    def peek(self, name: bytes, limit_bytes: int) -> bytes | None:
        data = self._files.read_small(self._root, self._folder + name, limit_bytes).data
        return None if data is None or len(data) > limit_bytes else data

    def is_folder(self, name: bytes) -> bool:
        return self._files.look(self._root, self._folder + name).presence is Presence.FOLDER


def folders_above(root: bytes, folder: bytes) -> list[bytes]:
    """The root and each folder between it and `folder`, which is not among them."""
    above = []
    position = root.rstrip(b"/")
    for part in folder[len(position) :].strip(b"/").split(b"/"):
        if part:
            above.append(position or b"/")
            position += b"/" + part
    return above
