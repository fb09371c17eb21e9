"""Leftovers: unfinished downloads and copies, recorded while sweeps go by, so that those given up can be named."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from wan_healthd.domain.files import Listing
from wan_healthd.domain.partials import Partial
from wan_healthd.domain.ports import Clock, Files, Threads
from wan_healthd.layouts import names, partials
from wan_healthd.services.survey import Survey
from wan_healthd.services.verdicts import refresh
from wan_healthd.store import partials as store
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.partials import Owned
from wan_healthd.store.paths import Glance


class Trail(Struct):
    """What one sweep leaves behind for its end: where it has looked, and whose unfinished files went."""

    looked_at: set[bytes]
    bereft: set[str]


class Leftovers:
    """Looks into listings for what is unfinished; nothing here is ever opened."""

    def __init__(self, files: Files, threads: Threads, database: Database, clock: Clock) -> None:
        self._files = files
        self._threads = threads
        self._database = database
        self._clock = clock

    async def note(self, root: bytes, survey: Survey, known: Mapping[bytes, Glance], trail: Trail) -> bool:
        """Record what is unfinished in a folder that a sweep entered, and in the hidden ones that belong to it.

        `known` are the files that the store knows in the folder. False if anything is unfinished, or may be.
        """
        ground = survey.ground
        owner = ground.model.id if ground.model is not None else None
        whole = {path.rsplit(b"/", 1)[-1] for path, glance in known.items() if glance.identity is not None}
        found = [Owned(item, owner or _owner_of(item, known)) for item in partials.unfinished(survey.listing, whole)]
        is_clean = await self._keep(root, survey.listing, found, trail)
        hidden = list(partials.hiding_places(survey.listing))
        owner = owner or (None if ground.repo is None else ground.repo.name)
        while hidden:
            listing = await self._list(root, hidden.pop())
            is_clean &= await self._keep(root, listing, [Owned(item, owner) for item in partials.unfinished(listing)], trail)
            hidden += [listing.path + b"/" + entry.name for entry in listing.entries if partials.is_plain_folder(entry)]
        return is_clean

    async def finish(self, root: bytes, folder: bytes, trail: Trail) -> None:
        """The sweep of `folder` ended: forget what was in folders that are there no more, and renew the verdicts."""
        lost = await self._database.read(lambda db: store.folders(db, root, folder)) - trail.looked_at
        owners = trail.bereft | await self._database.read(lambda db: store.owners(db, root))
        now = self._clock.now()

        def renew(connection: Connection) -> None:
            for gone in lost:
                store.forget(connection, store.in_folder(connection, root, gone))
            for model_id in sorted(owners):
                refresh(connection, model_id, now, finished=False)

        if lost or owners:
            await self._database.write(renew)

    async def _list(self, root: bytes, folder: bytes) -> Listing:
        return await self._threads.run(lambda: self._files.list_folder(root, folder))

    async def _keep(self, root: bytes, listing: Listing, found: list[Owned], trail: Trail) -> bool:
        trail.looked_at.add(listing.path)
        before = await self._database.read(lambda db: store.in_folder(db, root, listing.path))
        now = {owned.partial.path: owned for owned in found}
        news = [owned for path, owned in now.items() if before.get(path) != owned]
        gone = [] if _may_lack_entries(listing) else [path for path in before if path not in now]
        trail.bereft.update(model_id for path in gone if (model_id := before[path].model_id) is not None)

        def keep(connection: Connection) -> None:
            store.forget(connection, gone)
            store.put(connection, root, news)

        if news or gone:
            await self._database.write(keep)
        return not found and not _may_lack_entries(listing)


def _may_lack_entries(listing: Listing) -> bool:
    """A folder that is not there holds nothing; of any other that could not be listed nobody knows."""
    return listing.errno_name not in (None, "ENOENT", "ENOTDIR")


def _owner_of(partial: Partial, known: Mapping[bytes, Glance]) -> str | None:
    """The model that the file will be once it is whole, if that was there before."""
    folder, _, name = partial.path.rpartition(b"/")
    glance = known.get(folder + b"/" + names.finished_name(name))
    return glance.models[0] if glance is not None and glance.models else None
