"""The folders beside ComfyUI's models in which their companions would be, as walks come by them."""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.domain.files import Listing, Presence
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.paths import join
from wan_healthd.domain.ports import Clock, Files, Threads
from wan_healthd.layouts import comfyui
from wan_healthd.services.arriving import is_arriving
from wan_healthd.services.verdicts import refresh_companioned
from wan_healthd.store import companions
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database

GONE = frozenset({"ENOENT", "ENOTDIR"})


class Sighting(Struct, frozen=True):
    """A folder that a walk came by; `linked` are names of links that lead to folders or out of the root."""

    path: bytes
    linked: tuple[bytes, ...]
    errno_name: str | None = None


class CompanionFolders:
    """Records them once a walk is over: only then is everything in them on record."""

    def __init__(self, files: Files, threads: Threads, database: Database, clock: Clock) -> None:
        self._files = files
        self._threads = threads
        self._database = database
        self._clock = clock

    def note(self, root: bytes, seen: Sighting, found: dict[bytes, bool]) -> None:
        """What one folder adds to those that were found so far, each with whether all of it was in sight."""
        inside = comfyui.collection_above(seen.path + b"/", root)
        if inside is not None and inside.rpartition(b"/")[2] in comfyui.COMPANIONS and seen.errno_name not in GONE:
            if seen.path == inside or inside in found:
                found[inside] = found.get(inside, True) and seen.errno_name is None and not seen.linked
            return
        for name in seen.linked:  # never entered: what is behind it nobody knows
            path = join(seen.path, name)
            if name in comfyui.COMPANIONS and comfyui.collection_above(path + b"/", root) == path:
                found[path] = False

    async def finish(self, root: bytes, folder: bytes, found: dict[bytes, bool]) -> None:
        """The walk of `folder` is over: those that depend on what is in these folders are judged anew if that is news."""
        now = self._clock.now()
        seen = {path: found[path] and not await self._is_arriving(root, path, now.timestamp()) for path in found}

        def record(connection: Connection) -> None:
            companions.walked(connection, root, folder, seen)
            refresh_companioned(connection, now)

        if await self._database.read(lambda db: companions.is_news(db, root, folder, seen)):
            await self._database.write(record)

    async def _is_arriving(self, root: bytes, path: bytes, now_s: float) -> bool:
        """Whether something for this folder is still being fetched: into it, or by a client that was given one above it."""
        tree = path.rpartition(b"/")[0]
        above = tree.rpartition(b"/")[0]
        tops = [tree, above] if above == root or above.startswith(root + b"/") else [tree]

        def look() -> bool:
            listing = self._files.list_folder(root, path)
            return any(is_arriving(self._files, Model("", Layout.LOCAL_DIR, top, root), listing, now_s) for top in tops)

        return await self._threads.run(look)


def sighting(listing: Listing) -> Sighting:
    """What matters here of a listing."""
    linked = (e.name for e in listing.entries if e.look.is_link and e.look.presence in (Presence.FOLDER, Presence.OUTSIDE))
    return Sighting(listing.path, tuple(linked), listing.errno_name)
