"""Sources that changed while nobody told: sweeps compare them with what was heard last, and have their files judged again.

It is on record that a source was heard only once all that it speaks of was judged: whatever comes between, even the end of the
daemon, the next sweep finds the source changed again. What is due anyway is left to the walk: it hears the source by itself.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from wan_healthd.domain.files import FileLook, Listing, Presence
from wan_healthd.domain.paths import is_at_or_below, join
from wan_healthd.domain.ports import Clock, Files, Threads
from wan_healthd.layouts import vicinity
from wan_healthd.layouts.partials import is_plain_folder
from wan_healthd.provenance import subjects
from wan_healthd.provenance.subjects import Subjects
from wan_healthd.services.queue import Priority, Task, Ticket, WorkQueue
from wan_healthd.store import paths
from wan_healthd.store import sources as store
from wan_healthd.store.database import Database
from wan_healthd.store.paths import Glance
from wan_healthd.store.sources import Heard, Source

RACY_S = 2.0
"""A source that changed so lately may change once more without a trace (FAT counts time in steps of two seconds)."""

MOST_WAITING = 256
"""Sources that wait to be recorded until those they speak of were judged."""

PATIENCE_S = 30.0
"""How long a sweep waits for that. Nothing is read, so it takes milliseconds a file; the next sweep tells what took longer."""

GONE = frozenset({"ENOENT", "ENOTDIR"})


class Tale(Struct):
    """What one sweep hears.

    Args:
        root: that is swept.
        ticket: the sweep's own.
        known: folders in which sources are on record.
        looked_at: folders that the sweep came by, hidden ones too; it grows.
        heard: what was news.
        waiting: heard, but not by all of whom they speak, whom `retold` counts.
    """

    root: bytes
    ticket: Ticket
    known: frozenset[bytes]
    looked_at: set[bytes]
    heard: set[Source]
    waiting: list[Heard]
    retold: Ticket


class Sources:
    """Compares sources with the store; none is opened here.

    Args:
        manifests: the model's path by each place where its stated manifest may lie.
    """

    def __init__(
        self,
        files: Files,
        threads: Threads,
        database: Database,
        clock: Clock,
        queue: WorkQueue,
        manifests: Mapping[bytes, bytes],
    ) -> None:
        self._files = files
        self._threads = threads
        self._database = database
        self._clock = clock
        self._queue = queue
        self._manifests = manifests

    async def begin(self, root: bytes, ticket: Ticket, looked_at: set[bytes]) -> Tale:
        """A sweep of the root begins."""
        known = await self._database.read(lambda db: store.folders(db, root))
        return Tale(root, ticket, known, looked_at, set(), [], Ticket())

    async def note(self, tale: Tale | None, listing: Listing) -> bool:
        """Compare the sources in a folder that a sweep entered, and the notes on it in hidden ones. False if any is news."""
        if tale is None:
            return True
        is_old = await self._compare(tale, listing)
        plain = frozenset(entry.name for entry in listing.entries if is_plain_folder(entry))
        hidden = list(vicinity.noted_in(listing.path, plain))
        while hidden:
            notes = await self._list(tale.root, hidden.pop())
            is_old &= await self._compare(tale, notes)
            hidden += [join(notes.path, entry.name) for entry in notes.entries if is_plain_folder(entry)]
        return is_old

    async def finish(self, tale: Tale | None, folder: bytes, out_of_sight: Collection[bytes]) -> None:
        """The sweep of `folder` ended: look for what it did not come by, but for places that are `out_of_sight`."""
        if tale is None:
            return
        for place in sorted(tale.known - tale.looked_at):
            if is_at_or_below(place, folder) and not any(is_at_or_below(place, hidden) for hidden in out_of_sight):
                before = await self._database.read(lambda db, place=place: store.in_folder(db, tale.root, place))  # type: ignore[misc]
                await self._hear(tale, before, await self._looks(tale.root, before))
        if not any(is_at_or_below(folder, hidden) for hidden in out_of_sight):
            await self._compare_manifests(tale, folder)
        await self._record(tale)

    async def _compare(self, tale: Tale, listing: Listing) -> bool:
        """True if there is no news in the folder."""
        tale.looked_at.add(listing.path)
        now = await self._threads.run(lambda: dict(_sources_in(listing)))
        if not now and listing.path not in tale.known:
            return True
        before = await self._database.read(lambda db: store.in_folder(db, tale.root, listing.path))
        if listing.errno_name is not None and listing.errno_name not in GONE:  # what is not listed may be there
            before = {source: seen for source, seen in before.items() if source in now}
        return await self._hear(tale, before, now)

    async def _compare_manifests(self, tale: Tale, folder: bytes) -> None:
        """Also one that is stated no more is no source any more."""
        stated = [Source(place, model) for place, model in self._manifests.items() if is_at_or_below(model, folder)]
        recorded = await self._database.read(lambda db: store.stated(db, tale.root))
        before = {source: seen for source, seen in recorded.items() if is_at_or_below(source.model, folder)}
        if stated or before:
            await self._hear(tale, before, await self._looks(tale.root, stated))

    async def _hear(self, tale: Tale, before: Mapping[Source, bytes], now: Mapping[Source, FileLook]) -> bool:
        news = list(_news(before, now, self._clock.now().timestamp()))
        fresh = [item for item in news if item.source not in tale.heard]  # a walk may enter a folder of notes as any other
        if not fresh:
            return not news
        tale.heard.update(item.source for item in fresh)
        await self._retell(tale, {subject for item in fresh for subject in _subjects(item.source)})
        tale.waiting += fresh
        if tale.retold.left == 0 or len(tale.waiting) >= MOST_WAITING:
            await self._record(tale)
        return False

    async def _record(self, tale: Tale) -> None:
        """Write down what was heard by all."""
        waiting, tale.waiting = tale.waiting, []
        if not waiting:
            return
        try:
            await asyncio.wait_for(tale.retold.wait(), PATIENCE_S)
        except TimeoutError:
            tale.retold = Ticket()  # who hears of it next need not wait for these
            return
        await self._database.write(lambda db: store.keep(db, tale.root, waiting))

    async def _retell(self, tale: Tale, about: Iterable[Subjects]) -> None:
        """Have judged again what is known of the subjects; what the walk enqueues anyway will hear by itself."""
        busy = frozenset(self._queue.active)  # these may have listened before
        single: dict[bytes, set[bytes]] = {}
        wide: set[bytes] = set()
        for subject in about:
            single.setdefault(posixpath.dirname(subject.path), set()).add(subject.path)  # a wide one may be a file, too
            if subject.is_wide:
                place = subject.path
                wide |= await self._database.read(lambda db, place=place: paths.folders(db, tale.root, place))  # type: ignore[misc]
        for folder in sorted(wide | single.keys()):
            known = await self._database.read(lambda db, folder=folder: paths.in_folder(db, tale.root, folder))  # type: ignore[misc]
            wanted = known if folder in wide else {path: known[path] for path in single[folder] & known.keys()}
            await self._enqueue(tale, wanted, busy)

    async def _enqueue(self, tale: Tale, wanted: Mapping[bytes, Glance], busy: Collection[bytes]) -> None:
        resting = await self._threads.run(lambda: {p for p, glance in wanted.items() if self._is_at_rest(tale.root, p, glance)})
        for path, glance in wanted.items():
            if path in resting or path in busy:
                task = Task(path, tale.root, Priority.RETOLD, glance.models)
                await self._queue.put_when_room(task, tale.retold)
                await self._queue.put(task, tale.ticket)  # nothing came between: it waits still, and counts for the sweep too

    def _is_at_rest(self, root: bytes, path: bytes, glance: Glance) -> bool:
        """Whether the walk leaves it alone."""
        is_known = glance.is_judged and not glance.is_half_read and not glance.has_findings
        return is_known and self._files.look(root, path).identity == glance.identity

    async def _list(self, root: bytes, folder: bytes) -> Listing:
        return await self._threads.run(lambda: self._files.list_folder(root, folder))

    async def _looks(self, root: bytes, wanted: Collection[Source]) -> dict[Source, FileLook]:
        return await self._threads.run(lambda: {source: self._look(root, source.path) for source in wanted})

    def _look(self, root: bytes, path: bytes) -> FileLook:
        """A manifest may lie outside the root."""
        return self._files.look(root if is_at_or_below(path, root) else posixpath.dirname(path), path)


def _sources_in(listing: Listing) -> Iterator[tuple[Source, FileLook]]:
    for entry in listing.entries:
        path = join(listing.path, entry.name)
        if entry.look.presence is not Presence.FOLDER and subjects.of_source(path, {}):
            yield Source(path), entry.look


def _subjects(source: Source) -> tuple[Subjects, ...]:
    return (Subjects(source.model, is_wide=True),) if source.model else subjects.of_source(source.path, {})


def _news(before: Mapping[Source, bytes], now: Mapping[Source, FileLook], now_s: float) -> Iterator[Heard]:
    """What is new, changed or gone; of what the storage does not show, nobody knows."""
    for source in before.keys() | now.keys():
        look = now.get(source)
        if look is None:
            yield Heard(source, None)
        elif look.presence is not Presence.UNREADABLE and (seen := _seen(look)) != before.get(source):
            yield Heard(source, b"" if seen is not None and _is_racy(look, now_s) else seen)


def _seen(look: FileLook) -> bytes | None:
    if look.presence in (Presence.ABSENT, Presence.FOLDER):
        return None
    return msgspec.msgpack.encode((look.presence, look.identity))


def _is_racy(look: FileLook, now_s: float) -> bool:
    return look.identity is not None and now_s - look.identity.ctime_ns / 1e9 < RACY_S
