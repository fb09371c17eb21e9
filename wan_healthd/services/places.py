"""Which model a path belongs to, found by looking at the folders above it."""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.domain.files import Presence, Role
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.ports import Files, Threads
from wan_healthd.layouts import names, registry
from wan_healthd.layouts.registry import Atlas
from wan_healthd.services.atlases import Atlases
from wan_healthd.services.naming import named
from wan_healthd.services.survey import Surveyor
from wan_healthd.store.database import Database


class Place(Struct, frozen=True):
    """A file's model and its role there."""

    model: Model
    role: Role


def is_hidden(root: bytes, path: bytes) -> bool:
    """Whether the path is, or lies in, a folder that no sweep enters."""
    return any(names.is_hidden_folder(part) for part in path[len(root) :].strip(b"/").split(b"/"))


def is_ignored(root: bytes, path: bytes) -> bool:
    """Whether the path is hidden, unfinished by its name, or ours: neither a finding nor noise."""
    return is_hidden(root, path) or names.is_unfinished(path.rsplit(b"/", 1)[-1])


class Places:
    """Finds the model of a single path, as a sweep of its whole root would."""

    def __init__(self, files: Files, threads: Threads, database: Database, atlases: Atlases) -> None:
        self._files = files
        self._surveyor = Surveyor(files)
        self._threads = threads
        self._database = database
        self._atlases = atlases

    async def find(self, root: bytes, path: bytes) -> Place | None:
        """The place of `path`; None if it belongs to no model, or is still being fetched."""
        if is_ignored(root, path):
            return None
        atlas = await self._atlases.of(root)
        place = await self._threads.run(lambda: self._find(atlas, path))
        if place is None or atlas.remembered.get(place.model.path) == place.model:
            return place
        return Place(await self._database.read(lambda db: named(db, place.model)), place.role)

    def _find(self, atlas: Atlas, path: bytes) -> Place | None:
        single = registry.stated_at(path, atlas.root, Layout.SINGLE_FILE, atlas.stated)
        name = path.rsplit(b"/", 1)[-1]
        role = names.role_of(name)
        if single is None and role is None:  # told before its folder, which may hold very many files, is listed
            return None
        ground = self._surveyor.ground_of(atlas, path.rpartition(b"/")[0] or b"/")
        if self._files.look(atlas.root, path + names.CONTROL_SUFFIX).presence is Presence.FILE:
            return None
        if single is None and (ground.is_skipped or name in ground.ignored):
            return None
        model = registry.file_model(path, ground, atlas)
        return Place(model, role or Role.WEIGHTS) if model.layout.is_folder or model.stated or role is Role.WEIGHTS else None
