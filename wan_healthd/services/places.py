"""Which model a path belongs to, found by looking at the folders above it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from wan_healthd.domain.files import Role
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.ports import Files, Threads
from wan_healthd.layouts import names, registry
from wan_healthd.layouts.registry import StatedModel
from wan_healthd.store import models
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database


class Place(Struct, frozen=True):
    """A file's model and its role there."""

    model: Model
    role: Role


def remembered_folders(connection: Connection) -> dict[bytes, str]:
    """Ids of the folder models that the state knows, by path."""
    records = models.everything(connection)
    return {record.model.path: record.model.id for record in records if record.model.layout is Layout.FOLDER}


def is_hidden(root: bytes, path: bytes) -> bool:
    """Whether the path is, or lies in, a folder that no sweep enters."""
    return any(names.is_hidden_folder(part) for part in path[len(root) :].strip(b"/").split(b"/"))


def is_ignored(root: bytes, path: bytes) -> bool:
    """Whether the path is hidden, unfinished by its name, or ours: neither a finding nor noise."""
    return is_hidden(root, path) or names.is_unfinished(path.rsplit(b"/", 1)[-1])


class Places:
    """Finds the model of a single path, as a sweep of its whole root would."""

    def __init__(self, files: Files, threads: Threads, database: Database, stated: Sequence[StatedModel]) -> None:
        self._files = files
        self._threads = threads
        self._database = database
        self._stated = stated

    async def find(self, root: bytes, path: bytes) -> Place | None:
        """The place of `path`; None if it belongs to no model."""
        if is_ignored(root, path):
            return None
        role = names.role_of(path.rsplit(b"/", 1)[-1])
        remembered = await self._database.read(remembered_folders)
        single = registry.stated_at(path, root, Layout.SINGLE_FILE, self._stated)
        model = single or await self._threads.run(lambda: self._folder_model(root, path, remembered))
        if model is None and role is Role.WEIGHTS:
            model = registry.claim_file(path, root)
        if model is None:
            return None
        return Place(model, role or Role.WEIGHTS) if role is not None or single is not None else None

    def _folder_model(self, root: bytes, path: bytes, remembered: Mapping[bytes, str]) -> Model | None:
        claim: Model | None = None
        for folder in _folders_down_to(root, path):
            stated = registry.stated_at(folder, root, Layout.FOLDER, self._stated)
            if stated is not None:
                claim = stated
            elif claim is None:
                claim = registry.claim_folder(self._files.list_folder(root, folder), root, remembered)
        return claim


def _folders_down_to(root: bytes, path: bytes) -> list[bytes]:
    """The root, then each folder below it down to the path's own."""
    folders = [root]
    for part in path[len(root) :].strip(b"/").split(b"/")[:-1]:
        folders.append(folders[-1].rstrip(b"/") + b"/" + part)
    return folders
