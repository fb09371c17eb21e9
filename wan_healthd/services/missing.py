"""What a folder's models need and what is not there: missed, unless it may be on its way or somebody accepted its absence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from wan_healthd.domain.files import Listing
from wan_healthd.domain.models import Model
from wan_healthd.domain.paths import join
from wan_healthd.domain.ports import Clock, Files, Threads
from wan_healthd.layouts import registry
from wan_healthd.layouts.registry import Atlas
from wan_healthd.services.arriving import is_arriving
from wan_healthd.services.atlases import Atlases
from wan_healthd.services.feed import Feed
from wan_healthd.services.orders import Order
from wan_healthd.services.queue import Priority, Task
from wan_healthd.services.roster import expect, missed
from wan_healthd.services.survey import Survey
from wan_healthd.services.walk import Walk
from wan_healthd.store.database import Database
from wan_healthd.store.paths import Glance

Enqueue = Callable[[Walk, Task], Awaitable[None]]


class Missing:
    """Finds it out folder by folder.

    Args:
        look_later: called with a folder in which something is absent that may be on its way.
        enqueue: hands a file to those who judge.
    """

    def __init__(
        self,
        *,
        files: Files,
        threads: Threads,
        database: Database,
        clock: Clock,
        feed: Feed,
        atlases: Atlases,
        look_later: Callable[[bytes], None],
        enqueue: Enqueue,
    ) -> None:
        self._files = files
        self._threads = threads
        self._database = database
        self._clock = clock
        self._feed = feed
        self._atlases = atlases
        self._look_later = look_later
        self._enqueue = enqueue

    async def expect(self, walk: Walk, survey: Survey, atlas: Atlas, known: Mapping[bytes, Glance]) -> bool:
        """What is needed and absent becomes a file of its model, so that it is judged like one that vanished.

        `known` are the files that the store knows in the folder and that are not there. True if nothing is missed, for sure.
        """
        listing, ground = survey.listing, survey.ground
        if listing.errno_name is not None:  # who knows what is there: whatever was missed stays so
            walk.kept.update(join(listing.path, need.path) for need in ground.needs)
            return False
        needed = registry.absent(ground, listing, atlas)
        absent = {path: model for path, model in needed if _may_expect(model, known.get(path))}
        missing = await self._database.read(lambda db: missed(db, absent)) if absent else None
        if missing is None:
            return self._is_still_told(walk, known)
        new = {path: absent[path] for path in sorted(missing.new)}
        is_none = not new and not missing.known
        model = next(iter(new.values()), None)
        if model is not None and await self._is_arriving(walk.order, model, listing):
            new = {}
            self._look_later(listing.path)
        if not self._is_still_told(walk, known):
            return False
        now = self._clock.now()
        if new:
            await self._database.write(lambda db: expect(db, new, now))
            self._feed.stirred()
        for path in sorted(missing.known | new.keys()):
            walk.needed.add(path)
            await self._enqueue(
                walk, Task(path, walk.root, walk.order.priority, (absent[path].id,), patient=walk.order.patient)
            )
        return is_none

    def _is_still_told(self, walk: Walk, known: Mapping[bytes, Glance]) -> bool:
        """False if a source was looked up meanwhile: it brings a sweep of its own, until then all stays as it was."""
        if self._atlases.stated == walk.stated:
            return True
        walk.kept.update(known)
        return False

    async def _is_arriving(self, order: Order, model: Model, listing: Listing) -> bool:
        now_s = self._clock.now().timestamp()
        may_lull = order.patient and order.priority is not Priority.REQUESTED
        return await self._threads.run(lambda: is_arriving(self._files, model, listing, now_s, may_lull=may_lull))


def _may_expect(model: Model, glance: Glance | None) -> bool:
    """A file that was there is missed by the model that it was; only a folder also takes over what was one by itself."""
    return model.layout.is_folder or glance is None or glance.is_essential
