"""Whether files are out of reach rather than gone: nothing is mounted where they were."""

from __future__ import annotations

import posixpath

from wan_healthd.checks.unmounted import has_left, is_unmounted, may_have_left
from wan_healthd.domain.files import FileLook, Listing, Presence
from wan_healthd.domain.paths import is_at_or_below, join
from wan_healthd.domain.ports import Files, Threads
from wan_healthd.store import paths, roots
from wan_healthd.store.database import Database


class MountPoints:
    """Asks the disk and the store; decides by `checks.unmounted`."""

    def __init__(self, files: Files, threads: Threads, database: Database) -> None:
        self._files = files
        self._threads = threads
        self._database = database

    async def is_bare(self, root: bytes, listing: Listing) -> bool:
        """Whether the folder that was listed, the root or one below it, is a mount point with nothing mounted there."""
        folder = listing.path
        if listing.entries or listing.errno_name is not None:
            return False
        known = await self._database.read(lambda db: paths.filesystems(db, root, folder))
        if not known:
            return False
        here, above = await self._threads.run(lambda: (self._files.look(root, folder), self._look_above(root, folder)))
        return is_unmounted(known, _filesystem(here), _filesystem(above), is_empty=True)

    async def has_left(self, root: bytes, folder: bytes) -> bool:
        """Whether the folder is not there since what was mounted there went, and its mount point with it."""
        known = await self._database.read(lambda db: paths.filesystems(db, root, folder))
        if not known or folder == root:
            return False
        here, above = await self._threads.run(lambda: (self._files.look(root, folder), self._look_above(root, folder)))
        if here.presence is not Presence.ABSENT or not may_have_left(known, _filesystem(above)):
            return False
        return has_left(known, _filesystem(above), await self._threads.run(self._files.mounted))

    async def hides(self, root: bytes, path: bytes) -> bool:
        """Whether what is at `path` cannot be known: its root, or something mounted on the way to it, is not there."""
        if any(is_at_or_below(path, place) for place in await self._database.read(roots.lost)):
            return True
        listing = await self._threads.run(lambda: self._nearest(root, path))
        if listing is None or await self.is_bare(root, listing):
            return True
        absent = join(listing.path, path[len(listing.path) :].lstrip(b"/").partition(b"/")[0])
        return absent != path and await self.has_left(root, absent)

    def _nearest(self, root: bytes, path: bytes) -> Listing | None:
        """The listing of the innermost folder above `path` that is there; None if not even the root is."""
        while path != root:
            path = posixpath.dirname(path)
            if self._files.look(root, path).presence is Presence.FOLDER:
                return self._files.list_folder(root, path)
        return None

    def _look_above(self, root: bytes, folder: bytes) -> FileLook:
        above = posixpath.dirname(folder)
        return self._files.look(above if folder == root else root, above)


def _filesystem(look: FileLook) -> str | None:
    return None if look.identity is None else look.identity.filesystem
