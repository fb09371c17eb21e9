"""Claims on a folder, first come first served: what is stated, what was known, then each layout in turn."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from msgspec import Struct

from wan_healthd.domain.files import Listing
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.paths import printable
from wan_healthd.layouts import folder


class StatedModel(Struct, frozen=True):
    """A model that the configuration expects at `path` (absolute)."""

    id: str
    path: bytes


def id_below(root: bytes, path: bytes) -> str:
    """The id of an unstated model: its path below the root, or the base name of a root that is itself a model."""
    relative = path[len(root) :].strip(b"/")
    return printable((relative or posixpath.basename(root.rstrip(b"/")) or root).decode("utf-8", "backslashreplace"))


def stated_at(path: bytes, root: bytes, layout: Layout, stated: Sequence[StatedModel]) -> Model | None:
    """The stated model at this very path, if there is one: it overrules whatever lies around it."""
    return next((Model(model.id, layout, path, root, stated=True) for model in stated if model.path == path), None)


def claim_folder(listing: Listing, root: bytes, remembered: Mapping[bytes, str]) -> Model | None:
    """The model that this folder, with everything below it, is; None: it is only a place where models may be.

    `remembered` are ids of folder models by path, as known to the state: a folder once known as a model stays one, so that an
    id does not change because another file arrived.
    """
    if listing.path in remembered:
        return Model(remembered[listing.path], Layout.FOLDER, listing.path, root)
    if folder.is_model(listing, is_root=listing.path == root):
        return Model(id_below(root, listing.path), Layout.FOLDER, listing.path, root)
    return None


def claim_file(path: bytes, root: bytes) -> Model:
    """The model that weights outside any folder model are by themselves."""
    return Model(id_below(root, path), Layout.SINGLE_FILE, path, root)
