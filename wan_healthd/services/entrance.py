"""The entrance to a root: whether it can be walked now. What changed about that is told here, and only here."""

from __future__ import annotations

from wan_healthd.checks.root_reach import NOT_MOUNTED
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.paths import is_at_or_below
from wan_healthd.domain.ports import Clock
from wan_healthd.services.atlases import Atlases
from wan_healthd.services.mount_points import MountPoints
from wan_healthd.services.reach import Reach
from wan_healthd.services.roots import RootKeeper
from wan_healthd.services.roster import enroll, strike_off
from wan_healthd.store import models
from wan_healthd.store.database import Database


class Entrance:
    """Looks at roots before walks begin."""

    def __init__(
        self,
        reach: Reach,
        mount_points: MountPoints,
        database: Database,
        clock: Clock,
        roots: RootKeeper,
        atlases: Atlases,
    ) -> None:
        self._reach = reach
        self._mount_points = mount_points
        self._database = database
        self._clock = clock
        self._roots = roots
        self._atlases = atlases

    async def is_open(self, root: bytes) -> bool:
        """Whether the root can be listed; then the roster holds the stated models below it."""
        listing = await self._reach.list_root(root)
        if listing.errno_name is not None and not listing.entries:
            await self._roots.lost(root, listing.errno_name)
            return False
        if await self._mount_points.is_bare(root, listing):
            await self._roots.lost(root, NOT_MOUNTED)
            return False
        await self._roots.returned(root)
        await self._put_stated(root)
        return True

    async def _put_stated(self, root: bytes) -> None:
        """Stated models are in the roster even when nothing of them is there; others without files are not."""
        now = self._clock.now()
        for stated in self._atlases.stated:
            if not is_at_or_below(stated.path, root):
                continue
            model = Model(stated.id, Layout.FOLDER, stated.path, root, stated=True)
            known = await self._database.read(lambda db, m=model: models.get(db, m.id))  # type: ignore[misc]
            if known is None or (known.model.path, known.model.root) != (model.path, root):
                await self._database.write(lambda db, m=model: enroll(db, m, [], now))  # type: ignore[misc]
        if await self._database.read(models.without_files):
            await self._database.write(lambda db: strike_off(db, now))
