"""Which path a model's file has in the repository that the model came from."""

from __future__ import annotations

import re

from msgspec import Struct

from wan_healthd.domain.models import Model

_SNAPSHOT = re.compile(rb".*/models--[^/]+/snapshots/(?P<commit>[0-9a-f]{40})/(?P<name>.+)", re.DOTALL)


class InRepo(Struct, frozen=True):
    """A file's place in its repository.

    Args:
        name: its path there; None where only its base name can tell (a model that is one file).
        commit: that the hub's cache keeps it for; None elsewhere.
    """

    name: bytes | None
    commit: str | None = None


def path_in_repo(path: bytes, model: Model) -> InRepo:
    """The place of the file at `path` (absolute, no link in it resolved), which belongs to `model`."""
    snapshot = _SNAPSHOT.fullmatch(path)
    if snapshot is not None:
        return InRepo(snapshot["name"], snapshot["commit"].decode())
    return InRepo(path.removeprefix(model.path.rstrip(b"/") + b"/") if model.layout.is_folder else None)
