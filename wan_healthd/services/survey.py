"""Surveys: a folder's listing, and the ground that it turns out to be. All calls block."""

from __future__ import annotations

import posixpath

from msgspec import Struct

from wan_healthd.domain.files import Listing, Presence
from wan_healthd.domain.ports import Files
from wan_healthd.layouts import registry
from wan_healthd.layouts.ground import Ground
from wan_healthd.layouts.registry import Atlas
from wan_healthd.services.steps import Step, way_to


class Survey(Struct, frozen=True):
    """One folder as a walk found it; `is_sure`: everything that the layouts wanted to see was readable, or known not to be."""

    listing: Listing
    ground: Ground
    is_sure: bool = True


class Surveyor:
    """Enters folders as the layouts understand them."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def enter(self, atlas: Atlas, folder: bytes, above: Ground) -> Survey:
        """List `folder`, reached with `above`."""
        listing = self._files.list_folder(atlas.root, folder)
        nearby = _Nearby(self._files, atlas.root, folder)
        return Survey(listing, registry.enter(above, listing, atlas, nearby), is_sure=nearby.is_sure)

    def visit(self, atlas: Atlas, step: Step) -> Survey:
        """List the folder of the step, reached by its way."""
        return self.enter(atlas, step.folder, self._brought_to(atlas, step))

    def learn(self, atlas: Atlas, step: Step) -> Ground:
        """The ground of the step's folder, and of those above it as far as nobody had to know them yet."""
        unknown = [step]
        while (above := unknown[-1].above) is not None and above.ground is None:
            unknown.append(above)
        for place in reversed(unknown):
            place.ground = place.ground or self.visit(atlas, place).ground
        return step.ground or Ground()

    def ground_of(self, atlas: Atlas, folder: bytes) -> Ground:
        """The ground of `folder`, as a walk from the root would find it."""
        return self.learn(atlas, way_to(atlas.root, folder))

    def _brought_to(self, atlas: Atlas, step: Step) -> Ground:
        return Ground() if step.above is None else self.learn(atlas, step.above).below(posixpath.basename(step.folder))


class _Nearby:
    """What layouts may look at beside a listing."""

    def __init__(self, files: Files, root: bytes, folder: bytes) -> None:
        self._files = files
        self._root = root
        self._folder = folder.rstrip(b"/") + b"/"
        self.is_sure = True

    def peek(self, name: bytes, limit_bytes: int) -> bytes | None:
        read = self._files.read_small(self._root, self._folder + name, limit_bytes)
        self.is_sure &= read.look.presence is not Presence.UNREADABLE
        return None if read.data is None or len(read.data) > limit_bytes else read.data

    def is_folder(self, name: bytes) -> bool:
        look = self._files.look(self._root, self._folder + name)
        self.is_sure &= look.presence is not Presence.UNREADABLE
        return look.presence is Presence.FOLDER
