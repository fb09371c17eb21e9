"""Sweeps: walk the roots folder by folder, enrol what is new, and enqueue what changed, vanished or is due.

Inotify is a hint; sweeps are the truth. They hold one folder's listing at a time, never a list of the whole tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from wan_healthd.domain.files import Entry, Listing, Presence, Role
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.ports import Clock, Files, Threads
from wan_healthd.layouts import names, registry
from wan_healthd.layouts.registry import StatedModel
from wan_healthd.services.feed import Feed
from wan_healthd.services.places import remembered_folders
from wan_healthd.services.queue import Priority, Task, Ticket, WorkQueue
from wan_healthd.services.roots import RootKeeper
from wan_healthd.services.roster import enroll
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


class _Step(Struct, frozen=True):
    """A folder to visit and the model that claims it from above."""

    folder: bytes
    claim: Model | None


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
        found = Findings([])
        if not await self._reach(root):
            return found
        visited: set[bytes] = set()
        steps = [_Step(folder, await self._claim_above(root, folder))]
        while steps:
            step = steps.pop()
            visited.add(step.folder)
            steps.extend(await self._visit(root, step, order, ticket, found))
        await self._enqueue_unvisited(root, folder, visited, order, ticket)
        return found

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

    async def _visit(self, root: bytes, step: _Step, order: Order, ticket: Ticket, found: Findings) -> list[_Step]:
        listing = await self._threads.run(lambda: self._files.list_folder(root, step.folder))
        known = await self._database.read(lambda db: paths.in_folder(db, root, step.folder))
        remembered = await self._database.read(remembered_folders)
        claim = self._claim(listing, root, step.claim, remembered)
        members = list(self._members(listing, root, claim, found))
        await self._enroll(members, known)
        for member in members:
            glance = known.pop(member.path, None)
            if order.takes_all or _is_due(member, glance):
                priority = order.priority if glance is not None else min(order.priority, Priority.NEW)
                full = order.full or (glance is not None and glance.is_half_read)
                task = Task(member.path, root, priority, (member.model.id,), full=full, patient=order.patient)
                await self._enqueue(task, order, ticket)
        await self._enqueue_all(root, known, order, ticket)
        return [_Step(_join(listing.path, entry.name), claim) for entry in listing.entries if _is_subfolder(entry)]

    def _claim(self, listing: Listing, root: bytes, above: Model | None, remembered: Mapping[bytes, str]) -> Model | None:
        stated = registry.stated_at(listing.path, root, Layout.FOLDER, self._stated)
        return stated or above or registry.claim_folder(listing, root, remembered)

    async def _claim_above(self, root: bytes, folder: bytes) -> Model | None:
        """The claim that a walk from the root would bring along to `folder`."""
        remembered = await self._database.read(remembered_folders)
        claim: Model | None = None
        for above in folders_above(root, folder):
            stated = registry.stated_at(above, root, Layout.FOLDER, self._stated)
            if stated is None and claim is None:
                listing = await self._threads.run(lambda above=above: self._files.list_folder(root, above))  # type: ignore[misc]
                claim = registry.claim_folder(listing, root, remembered)
            claim = stated or claim
        return claim

    def _members(self, listing: Listing, root: bytes, claim: Model | None, found: Findings) -> Iterator[_Member]:
        for entry in listing.entries:
            if entry.look.presence is Presence.FOLDER or names.is_hidden_folder(entry.name):
                continue
            path = _join(listing.path, entry.name)
            role = names.role_of(entry.name)
            model = registry.stated_at(path, root, Layout.SINGLE_FILE, self._stated)
            if model is None and role is not None:
                model = claim or (registry.claim_file(path, root) if role is Role.WEIGHTS else None)
            if model is not None:
                yield _Member(entry, path, model, role or Role.WEIGHTS)
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

    async def _enqueue_all(self, root: bytes, known: Mapping[bytes, Glance], order: Order, ticket: Ticket) -> None:
        """Paths that are known but were not seen: judged by a look of their own."""
        for path, glance in known.items():
            await self._enqueue(Task(path, root, order.priority, glance.models, patient=order.patient), order, ticket)

    async def _enqueue_unvisited(self, root: bytes, folder: bytes, visited: set[bytes], order: Order, ticket: Ticket) -> None:
        """Folders in which files are known but that the walk did not come by: gone, or links by now."""
        for gone in sorted(await self._database.read(lambda db: paths.folders(db, root, folder)) - visited):
            known = await self._database.read(lambda db, gone=gone: paths.in_folder(db, root, gone))  # type: ignore[misc]
            await self._enqueue_all(root, known, order, ticket)

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


def _is_due(member: _Member, glance: Glance | None) -> bool:
    """New, changed, never judged, half read, or with findings to be confirmed again."""
    if glance is None or not glance.is_judged or glance.has_findings or glance.is_half_read:
        return True
    return glance.identity != member.entry.look.identity


def _is_subfolder(entry: Entry) -> bool:
    return entry.look.presence is Presence.FOLDER and not entry.look.is_link and not names.is_hidden_folder(entry.name)


def _join(folder: bytes, name: bytes) -> bytes:
    return folder.rstrip(b"/") + b"/" + name


def folders_above(root: bytes, folder: bytes) -> list[bytes]:
    """The root and each folder between it and `folder`, which is not among them."""
    above = []
    position = root.rstrip(b"/")
    for part in folder[len(position) :].strip(b"/").split(b"/"):
        if part:
            above.append(position or b"/")
            position += b"/" + part
    return above
