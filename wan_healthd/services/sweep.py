"""Sweeps: walk the roots folder by folder, enrol what is new, and enqueue what changed, vanished or is due.

Inotify is a hint; sweeps are the truth. They hold one folder's listing at a time, never a list of the whole tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from wan_healthd.checks.root_reach import NOT_MOUNTED
from wan_healthd.domain.paths import is_at_or_below, join
from wan_healthd.domain.ports import Clock, Files, Threads
from wan_healthd.layouts.registry import Atlas
from wan_healthd.services.atlases import Atlases
from wan_healthd.services.companion_folders import CompanionFolders, Sighting, sighting
from wan_healthd.services.deadline import Unanswered
from wan_healthd.services.enlisting import Enlisting
from wan_healthd.services.entrance import Entrance
from wan_healthd.services.feed import Feed
from wan_healthd.services.leftovers import Leftovers, Trail
from wan_healthd.services.members import Member, is_at_rest, is_due, is_subfolder, members, priority_of
from wan_healthd.services.missing import Missing
from wan_healthd.services.mount_points import MountPoints
from wan_healthd.services.orders import Findings, Order
from wan_healthd.services.passing import AT_A_TIME, GONE, Passed, Passing, Sight, epoch_of
from wan_healthd.services.queue import Task, Ticket, WorkQueue
from wan_healthd.services.reach import SILENCE, Reach
from wan_healthd.services.roots import RootKeeper
from wan_healthd.services.sources import Sources
from wan_healthd.services.steps import Step, folders_above, mark_of, way_to
from wan_healthd.services.survey import Survey, Surveyor
from wan_healthd.services.walk import Walk
from wan_healthd.store import folders, paths, roots
from wan_healthd.store.database import Database
from wan_healthd.store.paths import Glance


class Sweeper:
    """Walks; all judging is left to the queue.

    Args:
        look_later: called with a folder in which something is absent that may be on its way.
        reach: shared with all who may find that a root does not answer.
        manifests: the model's path by each place where its stated manifest may lie.
    """

    def __init__(
        self,
        *,
        files: Files,
        threads: Threads,
        database: Database,
        queue: WorkQueue,
        clock: Clock,
        feed: Feed,
        roots: RootKeeper,
        atlases: Atlases,
        look_later: Callable[[bytes], None] = lambda folder: None,
        reach: Reach | None = None,
        manifests: Mapping[bytes, bytes] = MappingProxyType({}),
    ) -> None:
        self._reach = reach or Reach(files, threads)
        self._mount_points = MountPoints(files, threads, database)
        self._entrance = Entrance(self._reach, self._mount_points, database, clock, roots, atlases)
        self._leftovers = Leftovers(files, threads, database, clock)
        self._sources = Sources(files, threads, database, clock, queue, manifests)
        self._companions = CompanionFolders(files, threads, database, clock)
        self._passing = Passing(files, threads, database, clock)
        self._missing = Missing(
            files=files,
            threads=threads,
            database=database,
            clock=clock,
            feed=feed,
            atlases=atlases,
            look_later=look_later,
            enqueue=self._enqueue,
        )
        self._enlisting = Enlisting(database, clock, feed)
        self._surveyor = Surveyor(files)
        self._threads = threads
        self._database = database
        self._queue = queue
        self._roots = roots
        self._atlases = atlases

    async def sweep(self, root: bytes, folder: bytes, order: Order, ticket: Ticket) -> Findings:
        """Walk `folder` of `root` (or all of it) and enqueue; wait on `ticket` for the judgements.

        A root that cannot be listed, or in which something does not answer, is told and its models become UNKNOWN; their
        files are not called missing.
        """
        walk = await self._begin(root, order, ticket)
        try:
            if await self._entrance.is_open(root):
                await self._go_through(walk, folder)
        except Unanswered as silence:
            await self._fell_silent(root, silence)
        return walk.found

    async def _fell_silent(self, root: bytes, silence: Unanswered) -> None:
        self._reach.hangs(root, silence.pending)
        await self._roots.lost(root, SILENCE)

    async def _go_through(self, walk: Walk, folder: bytes) -> None:
        root = walk.root
        # Where a mount point above the folder was bare, it is there that the walk has to begin.
        folder = next((place for place in folders_above(root, folder) if place in walk.lost and place != root), folder)
        steps = [way_to(root, folder)]
        while steps:
            sights = await self._passing.look(walk, await self._atlases.of(root), steps[: -AT_A_TIME - 1 : -1])
            del steps[-len(sights) :]
            for sight in sights:
                walk.visited.add(sight.step.folder)
                steps += await self._visit(walk, sight) if sight.passed is None else self._pass_by(walk, sight, sight.passed)
        for place in walk.lost - walk.visited - {root}:
            # The mount point itself is gone. If not with what was mounted there, its files are gone as well.
            if is_at_or_below(place, folder) and not await self._has_left(walk, place):
                await self._roots.returned(place)
        await self._enqueue_unvisited(walk, folder)
        await self._passing.finish(walk, folder)
        await self._leftovers.finish(root, folder, walk.trail)
        await self._sources.finish(walk.tale, folder, walk.unmounted)
        await self._companions.finish(root, folder, walk.companions)

    async def sweep_file(self, root: bytes, path: bytes, order: Order, ticket: Ticket) -> None:
        """Enqueue one file; the inspector finds out what it belongs to."""
        try:
            is_open = await self._entrance.is_open(root)
        except Unanswered as silence:
            await self._fell_silent(root, silence)
            return
        if is_open:
            task = Task(path, root, order.priority, full=order.full, patient=order.patient, since=order.since)
            if order.judges:
                await self._queue.put_when_room(task, ticket)

    async def _begin(self, root: bytes, order: Order, ticket: Ticket) -> Walk:
        stated, trail = self._atlases.stated, Trail(set(), set())
        return Walk(
            root=root,
            order=order,
            ticket=ticket,
            lost=frozenset(await self._database.read(roots.lost)),
            stated=stated,
            epoch=epoch_of(root, stated),
            unsettled=await self._database.read(lambda db: folders.unsettled(db, root)),
            found=Findings([]),
            trail=trail,
            tale=await self._sources.begin(root, ticket, trail.looked_at) if order.hears_sources else None,
            visited=set(),
            needed=set(),
            kept=set(),
            unmounted=set(),
            companions={},
            settled=[],
        )

    def _pass_by(self, walk: Walk, sight: Sight, passed: Passed) -> Sequence[Step]:
        """On to the folders below one without a visit to it."""
        walk.trail.looked_at.update((sight.step.folder, *sight.hidden))
        walk.found.unclaimed_count += passed.unclaimed
        linked = () if sight.fingerprint is None else sight.fingerprint.linked
        self._companions.note(walk.root, Sighting(sight.step.folder, linked), walk.companions)
        return passed.below

    async def _visit(self, walk: Walk, sight: Sight) -> list[Step]:
        step, atlas = sight.step, await self._atlases.of(walk.root)
        survey = await self._threads.run(lambda: self._surveyor.visit(atlas, step))
        if await self._mount_points.is_bare(walk.root, survey.listing) or (
            survey.listing.errno_name in GONE and await self._has_left(walk, step.folder)
        ):
            walk.unmounted.add(step.folder)
            await self._roots.lost(step.folder, NOT_MOUNTED)
            return []
        if step.folder in walk.lost:
            await self._roots.returned(step.folder)
        survey = await self._enlisting.named(survey, atlas)
        step.ground, step.mark = survey.ground, mark_of(survey.ground)
        unclaimed = walk.found.unclaimed_count
        known = await self._database.read(lambda db: paths.in_folder(db, walk.root, step.folder))
        if await self._attend(walk, survey, atlas, known) and atlas.remembered.get(step.folder) == sight.remembered:
            await self._passing.settled(walk, sight, survey, known, walk.found.unclaimed_count - unclaimed)
        subfolders = (entry for entry in survey.ground.entries(survey.listing) if is_subfolder(entry))
        return [Step(join(step.folder, entry.name), step) for entry in subfolders]

    async def _attend(self, walk: Walk, survey: Survey, atlas: Atlas, known: Mapping[bytes, Glance]) -> bool:
        """Do what is to be done in a folder; True if that was nothing, for sure."""
        is_clean = await self._leftovers.note(walk.root, survey, known, walk.trail)
        is_clean &= await self._sources.note(walk.tale, survey.listing)
        is_clean &= not await self._enlisting.keep_layout(survey, atlas)
        self._companions.note(walk.root, sighting(survey.listing), walk.companions)
        present = await self._enlisting.as_named(list(members(survey, atlas, walk.found, known)), known)
        is_clean &= all(is_at_rest(member, known.get(member.path)) for member in present)
        await self._enlisting.enroll(present, known)
        await self._enlisting.need_no_more([m.path for m in present if m.path in known and known[m.path].is_essential])
        for member in present:
            glance = known.get(member.path)
            if walk.order.takes_all or is_due(member, glance):
                await self._enqueue_member(walk, member, glance)
        there = {member.path for member in present}
        unseen = {path: glance for path, glance in known.items() if path not in there}
        is_clean &= await self._missing.expect(walk, survey, atlas, unseen)
        await self._enqueue_unseen(walk, unseen)
        return is_clean and not unseen

    async def _enqueue_member(self, walk: Walk, member: Member, glance: Glance | None) -> None:
        order = walk.order
        priority = priority_of(member, glance, order)
        full = order.full or (glance is not None and glance.is_half_read)
        task = Task(member.path, walk.root, priority, (member.model.id,), full=full, patient=order.patient, since=order.since)
        await self._enqueue(walk, task)

    async def _enqueue_unseen(self, walk: Walk, known: Mapping[bytes, Glance]) -> None:
        """Paths that are known but were not seen: judged by a look of their own."""
        await self._enlisting.need_no_more(
            [p for p, g in known.items() if g.is_essential and p not in walk.needed and p not in walk.kept]
        )
        order = walk.order
        for path, glance in known.items():
            if path not in walk.needed:
                await self._enqueue(walk, Task(path, walk.root, order.priority, glance.models, patient=order.patient))

    async def _enqueue_unvisited(self, walk: Walk, folder: bytes) -> None:
        """Folders in which files are known but that the walk did not come by: gone, or links by now."""
        root, stayed = walk.root, set[bytes]()
        for gone in sorted(await self._database.read(lambda db: paths.folders(db, root, folder, but_for=walk.visited))):
            if any(is_at_or_below(gone, place) for place in walk.unmounted):
                continue
            top = next(place for place in (*folders_above(root, gone), gone) if _is_news(walk, folder, place))
            if top not in stayed and await self._has_left(walk, top):
                walk.unmounted.add(top)
                await self._roots.lost(top, NOT_MOUNTED)
                continue
            stayed.add(top)
            known = await self._database.read(lambda db, gone=gone: paths.in_folder(db, root, gone))  # type: ignore[misc]
            await self._enqueue_unseen(walk, known)

    async def _has_left(self, walk: Walk, folder: bytes) -> bool:
        return await self._mount_points.has_left(walk.root, folder)

    async def _enqueue(self, walk: Walk, task: Task) -> None:
        if walk.order.judges:
            await self._queue.put_when_room(task, walk.ticket)


def _is_news(walk: Walk, folder: bytes, place: bytes) -> bool:
    """Whether the walk of `folder` should have come by `place`, and did not."""
    return is_at_or_below(place, folder) and place not in walk.visited
