"""Sweeps: walk the roots folder by folder, enrol what is new, and enqueue what changed, vanished or is due.

Inotify is a hint; sweeps are the truth. They hold one folder's listing at a time, never a list of the whole tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from wan_healthd.domain.files import Entry, Presence, Role
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.ports import Clock, Files, Threads
from wan_healthd.layouts import names, registry
from wan_healthd.layouts.ground import Ground
from wan_healthd.layouts.registry import Atlas, StatedModel
from wan_healthd.services.arriving import is_arriving
from wan_healthd.services.feed import Feed
from wan_healthd.services.queue import Priority, Task, Ticket, WorkQueue
from wan_healthd.services.roots import RootKeeper
from wan_healthd.services.roster import enroll, expect, missed
from wan_healthd.services.survey import Survey, Surveyor
from wan_healthd.store import models, paths
from wan_healthd.store.database import Database
from wan_healthd.store.paths import Glance

MOST_UNCLAIMED = 10_000
"""Most unclaimed files whose names are kept."""


class Order(Struct, frozen=True):
    """How a sweep treats what it finds.

    What somebody waits for (REQUESTED) is judged even if nothing changed; `full` reads every byte; `patient` as in Task;
    `judges` False only brings the roster of models up to date.
    """

    priority: Priority
    full: bool = False
    patient: bool = True
    judges: bool = True

    @property
    def takes_all(self) -> bool:
        """Whether also what did not change is enqueued."""
        return self.full or self.priority is Priority.REQUESTED


class Findings(Struct):
    """What a sweep saw besides models: it grows while the sweep goes on."""

    unclaimed: list[bytes]
    unclaimed_count: int = 0


class _Member(Struct, frozen=True):
    entry: Entry
    path: bytes
    model: Model
    role: Role


class _Walk(Struct):
    """One sweep under way: what it was ordered to do, where it has been, and what it missed there.

    `needed` was missed and enqueued; `kept` may have been missed before, but could not be looked for now.
    """

    root: bytes
    order: Order
    ticket: Ticket
    found: Findings
    visited: set[bytes]
    needed: set[bytes]
    kept: set[bytes]


class _Step(Struct, frozen=True):
    """A folder to visit, and what the walk brings along to it."""

    folder: bytes
    above: Ground


class Sweeper:
    """Walks; all judging is left to the queue."""

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
        stated: Sequence[StatedModel],
    ) -> None:
        self._files = files
        self._surveyor = Surveyor(files)
        self._threads = threads
        self._database = database
        self._queue = queue
        self._clock = clock
        self._feed = feed
        self._roots = roots
        self._stated = tuple(stated)

    async def sweep(self, root: bytes, folder: bytes, order: Order, ticket: Ticket) -> Findings:
        """Walk `folder` of `root` (or all of it) and enqueue; wait on `ticket` for the judgements.

        A root that cannot be listed is told and its models become UNKNOWN; their files are not called missing.
        """
        walk = _Walk(root, order, ticket, Findings([]), set(), set(), set())
        if not await self._reach(root):
            return walk.found
        atlas = await self._atlas(root)
        steps = [_Step(folder, await self._threads.run(lambda: self._surveyor.ground_above(atlas, folder)))]
        while steps:
            step = steps.pop()
            walk.visited.add(step.folder)
            steps.extend(await self._visit(walk, step))
        await self._enqueue_unvisited(walk, folder)
        return walk.found

    async def sweep_file(self, root: bytes, path: bytes, order: Order, ticket: Ticket) -> None:
        """Enqueue one file; the inspector finds out what it belongs to."""
        if await self._reach(root):
            await self._enqueue(Task(path, root, order.priority, full=order.full, patient=order.patient), order, ticket)

    async def _reach(self, root: bytes) -> bool:
        """Whether the root can be listed; that is told where it is news."""
        listing = await self._threads.run(lambda: self._files.list_folder(root, root))
        if listing.errno_name is not None and not listing.entries:
            await self._roots.lost(root, listing.errno_name)
            return False
        await self._roots.returned(root)
        await self._put_stated(root)
        return True

    async def _visit(self, walk: _Walk, step: _Step) -> list[_Step]:
        atlas = await self._atlas(walk.root)
        survey = await self._threads.run(lambda: self._surveyor.enter(atlas, step.folder, step.above))
        known = await self._database.read(lambda db: paths.in_folder(db, walk.root, step.folder))
        await self._keep_layout(survey, atlas)
        members = list(self._members(survey, atlas, walk.found))
        await self._enroll(members, known)
        await self._need_no_more([m.path for m in members if m.path in known and known[m.path].is_essential])
        for member in members:
            glance = known.pop(member.path, None)
            if walk.order.takes_all or _is_due(member, glance):
                await self._enqueue_member(walk, member, glance)
        await self._expect(walk, survey, atlas, known)
        await self._enqueue_all(walk, known)
        ground = survey.ground
        subfolders = (entry for entry in ground.entries(survey.listing) if _is_subfolder(entry))
        return [_Step(_join(step.folder, entry.name), ground.below(entry.name)) for entry in subfolders]

    async def _atlas(self, root: bytes) -> Atlas:
        return Atlas(root, self._stated, await self._database.read(models.folders))

    async def _keep_layout(self, survey: Survey, atlas: Atlas) -> None:
        """A model that is known may turn out to be of another layout once more of it is there."""
        model = survey.ground.model
        if model is None or model.path != survey.listing.path or atlas.remembered.get(model.path, model) == model:
            return
        now = self._clock.now()
        if atlas.remembered[model.path].id == model.id:
            await self._database.write(lambda db: enroll(db, model, [], now))

    async def _enqueue_member(self, walk: _Walk, member: _Member, glance: Glance | None) -> None:
        order = walk.order
        priority = order.priority if glance is not None else min(order.priority, Priority.NEW)
        full = order.full or (glance is not None and glance.is_half_read)
        task = Task(member.path, walk.root, priority, (member.model.id,), full=full, patient=order.patient)
        await self._enqueue(task, order, walk.ticket)

    async def _expect(self, walk: _Walk, survey: Survey, atlas: Atlas, known: Mapping[bytes, Glance]) -> None:
        """What is needed and absent becomes a file of its model, so that it is judged like one that vanished."""
        listing, ground = survey.listing, survey.ground
        if listing.errno_name is not None:  # who knows what is there: whatever was missed stays so
            walk.kept.update(_join(listing.path, need.path) for need in ground.needs)
            return
        needed = registry.absent(ground, listing, atlas)
        absent = {path: model for path, model in needed if _may_expect(model, known.get(path))}
        missing = await self._database.read(lambda db: missed(db, absent))
        new = {path: absent[path] for path in sorted(missing.new)}
        now = self._clock.now()
        model = next(iter(new.values()), None)
        if model is not None and await self._threads.run(lambda: is_arriving(self._files, model, listing, now.timestamp())):
            new = {}
        if new:
            await self._database.write(lambda db: expect(db, new, now))
            self._feed.stirred()
        for path in sorted(missing.known | new.keys()):
            walk.needed.add(path)
            task = Task(path, walk.root, walk.order.priority, (absent[path].id,), patient=walk.order.patient)
            await self._enqueue(task, walk.order, walk.ticket)

    @staticmethod
    def _members(survey: Survey, atlas: Atlas, found: Findings) -> Iterator[_Member]:
        for entry in survey.ground.entries(survey.listing):
            if entry.look.presence is Presence.FOLDER:
                continue
            path = _join(survey.listing.path, entry.name)
            role = names.role_of(entry.name)
            model = registry.file_model(path, survey.ground, atlas)
            if path == model.path and model.stated:
                yield _Member(entry, path, model, role or Role.WEIGHTS)
            elif role is Role.WEIGHTS or (role is not None and model.layout.is_folder):
                yield _Member(entry, path, model, role)
            elif not names.is_unfinished(entry.name):
                found.unclaimed_count += 1
                if len(found.unclaimed) < MOST_UNCLAIMED:
                    found.unclaimed.append(path)

    async def _enroll(self, members: Sequence[_Member], known: Mapping[bytes, Glance]) -> None:
        new: dict[str, list[_Member]] = {}
        for member in members:
            glance = known.get(member.path)
            if glance is None or glance.models != (member.model.id,):
                new.setdefault(member.model.id, []).append(member)
        now = self._clock.now()
        for group in new.values():
            files = [(member.path, member.role) for member in group]
            model = group[0].model
            await self._database.write(lambda db, m=model, f=files: enroll(db, m, f, now))  # type: ignore[misc]
        if new:
            self._feed.stirred()

    async def _enqueue_all(self, walk: _Walk, known: Mapping[bytes, Glance]) -> None:
        """Paths that are known but were not seen: judged by a look of their own."""
        await self._need_no_more(
            [p for p, g in known.items() if g.is_essential and p not in walk.needed and p not in walk.kept]
        )
        order = walk.order
        for path, glance in known.items():
            if path not in walk.needed:
                task = Task(path, walk.root, order.priority, glance.models, patient=order.patient)
                await self._enqueue(task, order, walk.ticket)

    async def _need_no_more(self, found: Sequence[bytes]) -> None:
        """They are there, or nobody needs them any more."""
        if found:
            await self._database.write(lambda db: paths.need(db, found, is_essential=False))

    async def _enqueue_unvisited(self, walk: _Walk, folder: bytes) -> None:
        """Folders in which files are known but that the walk did not come by: gone, or links by now."""
        root = walk.root
        for gone in sorted(await self._database.read(lambda db: paths.folders(db, root, folder)) - walk.visited):
            known = await self._database.read(lambda db, gone=gone: paths.in_folder(db, root, gone))  # type: ignore[misc]
            await self._enqueue_all(walk, known)

    async def _enqueue(self, task: Task, order: Order, ticket: Ticket) -> None:
        if order.judges:
            await self._queue.put_when_room(task, ticket)

    async def _put_stated(self, root: bytes) -> None:
        """Stated models are in the roster even when nothing of them is there."""
        now = self._clock.now()
        for stated in self._stated:
            if not is_below(stated.path, root):
                continue
            model = Model(stated.id, Layout.FOLDER, stated.path, root, stated=True)
            known = await self._database.read(lambda db, m=model: models.get(db, m.id))  # type: ignore[misc]
            if known is None or (known.model.path, known.model.root) != (model.path, root):
                await self._database.write(lambda db, m=model: enroll(db, m, [], now))  # type: ignore[misc]


def is_below(path: bytes, folder: bytes) -> bool:
    """Whether `path` is `folder` or below it, by name alone."""
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")


def _may_expect(model: Model, glance: Glance | None) -> bool:
    """A file that was there is missed by the model that it was; only a folder also takes over what was one by itself."""
    return model.layout.is_folder or glance is None or glance.is_essential


def _is_due(member: _Member, glance: Glance | None) -> bool:
    """New, changed, never judged, half read, or with findings to be confirmed again."""
    if glance is None or not glance.is_judged or glance.has_findings or glance.is_half_read:
        return True
    return glance.identity != member.entry.look.identity


def _is_subfolder(entry: Entry) -> bool:
    return entry.look.presence is Presence.FOLDER and not entry.look.is_link and not names.is_hidden_folder(entry.name)


def _join(folder: bytes, name: bytes) -> bytes:
    return folder.rstrip(b"/") + b"/" + name
