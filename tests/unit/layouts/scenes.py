"""Folders as layouts see them, without a disk."""

from __future__ import annotations

from collections.abc import Mapping

from wan_healthd.domain.files import Entry, FileLook, Listing, Presence
from wan_healthd.layouts.ground import Ground
from wan_healthd.layouts.registry import Atlas, absent, enter

ROOT = b"/srv/weights"


class FewFiles:
    """Small files nearby, by name; a name that ends in a slash is a folder."""

    def __init__(self, files: Mapping[bytes, bytes]) -> None:
        self._files = files

    def peek(self, name: bytes, limit_bytes: int) -> bytes | None:
        data = self._files.get(name)
        return None if data is None or len(data) > limit_bytes else data

    def is_folder(self, name: bytes) -> bool:
        return name + b"/" in self._files


NOTHING = FewFiles({})


def folder(path: bytes, *names: bytes, presence: Presence = Presence.FILE) -> Listing:
    return Listing(path, tuple(Entry(name, FileLook(presence)) for name in sorted(names)))


def missed(tree: Mapping[bytes, bytes], atlas: Atlas | None = None) -> dict[bytes, str]:
    """What a walk of the root would miss in this tree (paths below the root to contents), each with the model's id."""
    atlas = atlas or Atlas(ROOT)
    found: dict[bytes, str] = {}
    steps = [(ROOT, Ground())]
    while steps:
        path, above = steps.pop()
        prefix = path[len(ROOT) + 1 :] + b"/" if path != ROOT else b""
        below = {name[len(prefix) :]: content for name, content in tree.items() if name.startswith(prefix)}
        folders = {name.partition(b"/")[0] for name in below if b"/" in name}
        listing = folder(path, *{name.partition(b"/")[0] for name in below})
        ground = enter(above, listing, atlas, FewFiles({**below, **{_parent(name) + b"/": b"" for name in below}}))
        found.update({needed[len(ROOT) + 1 :]: model.id for needed, model in absent(ground, listing, atlas)})
        steps += [(path + b"/" + name, ground.below(name)) for name in folders - ground.ignored if not name.startswith(b".")]
    return found


def _parent(name: bytes) -> bytes:
    return name.rpartition(b"/")[0]
