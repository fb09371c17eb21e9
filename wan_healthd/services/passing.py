"""Passing by: a folder that looks as it did when there was nothing to do in it needs no visit.

What a visit rests on is the folder itself, what layouts look at besides (its vicinity), what the walk brings along to it, what
is stated and remembered, and what the store knows of its files. All but the last is in one digest, taken before the visit: what
changes during the visit shows as a difference next time. The last is seen to by the store (see `store.folders`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

import msgspec
from msgspec import Struct

from wan_healthd.domain.files import Fingerprint, Presence
from wan_healthd.domain.models import Model
from wan_healthd.domain.ports import Clock, Files, Threads
from wan_healthd.layouts import partials, vicinity
from wan_healthd.layouts.names import OWN_FOLDER, is_hidden_folder
from wan_healthd.layouts.registry import Atlas, StatedModel
from wan_healthd.services.steps import Step, mark_of
from wan_healthd.services.survey import Survey, Surveyor
from wan_healthd.services.walk import Walk
from wan_healthd.store import folders
from wan_healthd.store.database import Database
from wan_healthd.store.folders import FolderRecord, Settled
from wan_healthd.store.paths import Glance
from wan_healthd.version import __version__

RACY_S = 2.0
"""What changed so lately may change once more without a trace: some file systems count time in steps of two seconds."""

AT_A_TIME = 256
"""Folders that are looked at in one call of a thread, and recorded in one transaction."""

MOST_KNOWN = 10_000
"""Files, about 1 KiB of memory each, that may wait to be recorded with their folders."""

AT_MOST_S = 0.1
"""How long one call looks at most, but for the last folder."""

MOST_HIDDEN = 1000
"""Beyond so many folders in a vicinity, the folder is always visited."""

MOST_IGNORED = 100
"""Likewise."""

GONE = frozenset({"ENOENT", "ENOTDIR"})


class Passed(Struct, frozen=True):
    """A folder that is passed by: how many of its files belong to no model, and the steps on from it."""

    unclaimed: int
    below: tuple[Step, ...]


class Sight(Struct, frozen=True):
    """What a folder looks like to somebody who passes by.

    Args:
        fingerprint: of the folder itself; None where nobody wanted to pass by.
        hidden: the folders of its vicinity that were looked into.
        seen: digest of all that a visit would rest on; None where that cannot be relied on.
        remembered: the model that was known there, as `seen` has it.
        passed: what the walk takes along; None: the folder has to be visited.
    """

    step: Step
    fingerprint: Fingerprint | None = None
    hidden: tuple[bytes, ...] = ()
    seen: bytes | None = None
    remembered: Model | None = None
    passed: Passed | None = None


class Outlook(Struct, frozen=True):
    """What the folders of one call are seen with; `records` are those of the last visits, `began_s` is seconds since 1970."""

    walk: Walk
    atlas: Atlas
    records: Mapping[bytes, FolderRecord]
    began_s: float


class Vicinity(Struct, frozen=True):
    """What layouts look at besides a folder: the folders, all of it as one value, and when something changed there last."""

    hidden: tuple[bytes, ...]
    parts: tuple[bytes, ...]
    newest_ns: int


class Passing:
    """Looks at folders from outside, and records those in which there was nothing to do."""

    def __init__(self, files: Files, threads: Threads, database: Database, clock: Clock) -> None:
        self._files = files
        self._threads = threads
        self._database = database
        self._clock = clock
        self._surveyor = Surveyor(files)

    async def look(self, walk: Walk, atlas: Atlas, steps: Sequence[Step]) -> list[Sight]:
        """Sights of the first of these steps: of as many as a short time allows, and of one at least."""
        if walk.order.takes_all or not walk.order.judges:
            return [Sight(step) for step in steps[:1]]
        places = [step.folder for step in steps]
        records = await self._database.read(lambda db: folders.get(db, walk.root, places)) if walk.order.may_pass_by else {}
        return await self._threads.run(lambda: list(self._look(walk, atlas, steps, records)))

    async def settled(self, walk: Walk, sight: Sight, survey: Survey, known: Mapping[bytes, Glance], unclaimed: int) -> None:
        """A visit found nothing to do, with `known` in the store; `unclaimed` files belong to no model."""
        above, fingerprint, ground = sight.step.above, sight.fingerprint, survey.ground
        if sight.seen is None or fingerprint is None or not survey.is_sure or not survey.listing.entries or ground.is_skipped:
            return
        if above is not None and above.ground is not None and mark_of(above.ground) != above.mark:
            return  # above it changed meanwhile
        ignored = tuple(name for name in fingerprint.folders if name in ground.ignored)
        if len(ignored) <= MOST_IGNORED:
            record = FolderRecord(sight.seen, sight.step.mark, unclaimed, ignored)
            walk.settled.append(Settled(sight.step.folder, record, known))
        if len(walk.settled) >= AT_A_TIME or sum(len(folder.known) for folder in walk.settled) >= MOST_KNOWN:
            await self.record(walk)

    async def record(self, walk: Walk) -> None:
        """Write down what was settled so far."""
        settled, walk.settled = walk.settled, []
        if settled:
            await self._database.write(lambda db: folders.keep(db, walk.root, settled))

    async def finish(self, walk: Walk, folder: bytes) -> None:
        """The walk of `folder` is over: what it did not come by is not there any more."""
        await self.record(walk)
        was_there = walk.visited.__contains__
        gone = await self._database.read(lambda db: folders.not_passed(db, walk.root, folder, was_there))
        if gone:
            await self._database.write(lambda db: folders.drop(db, walk.root, gone))

    def _look(self, walk: Walk, atlas: Atlas, steps: Sequence[Step], records: Mapping[bytes, FolderRecord]) -> Iterator[Sight]:
        until, outlook = self._clock.monotonic() + AT_MOST_S, Outlook(walk, atlas, records, self._clock.now().timestamp())
        with closing(self._files.fingerprints(walk.root, [step.folder for step in steps])) as looked:
            for step, own in zip(steps, looked, strict=True):
                yield self._sight(outlook, step, own)
                if self._clock.monotonic() > until:
                    return

    def _sight(self, outlook: Outlook, step: Step, own: Fingerprint) -> Sight:
        walk, atlas, record = outlook.walk, outlook.atlas, outlook.records.get(step.folder)
        around = self._vicinity(walk.root, own) if own.errno_name is None else None
        if around is None:
            return Sight(step, own)
        if step.above is not None and not step.above.mark:  # above the folder at which the walk began
            step.above.mark = mark_of(self._surveyor.learn(atlas, step.above))
        remembered = atlas.remembered.get(step.folder)
        above = b"" if step.above is None else step.above.mark
        seen = _digest((walk.epoch, above, own.digest, remembered, *around.parts))
        is_due = step.folder in walk.unsettled or step.folder in walk.lost
        if record is not None and record.seen == seen and not is_due:
            step.mark = record.ground
            return Sight(step, own, around.hidden, seen, remembered, Passed(record.unclaimed, tuple(_below(step, own, record))))
        is_racy = outlook.began_s - max(own.newest_ns, around.newest_ns) / 1e9 < RACY_S
        return Sight(step, own, around.hidden, None if is_racy else seen, remembered)

    def _vicinity(self, root: bytes, own: Fingerprint) -> Vicinity | None:
        """None where something in it cannot be looked at."""
        parts: list[bytes] = []
        newest_ns = 0
        for name in vicinity.looked_at(own.path, frozenset((*own.folders, *own.linked))):
            look = self._files.look(root, own.path + b"/" + name)
            if look.presence is Presence.UNREADABLE:
                return None
            newest_ns = max(newest_ns, 0 if look.identity is None else look.identity.ctime_ns)
            parts.append(msgspec.msgpack.encode(look))
        folders_in = frozenset(own.folders)
        hidden = list(dict.fromkeys((*partials.hidden_in(own.path, folders_in), *vicinity.noted_in(own.path, folders_in))))
        if not hidden:
            return Vicinity((), tuple(parts), newest_ns)
        with closing(self._files.fingerprints(root, hidden)) as looked:
            for found in looked:
                if (found.errno_name is not None and found.errno_name not in GONE) or len(hidden) > MOST_HIDDEN:
                    return None
                newest_ns = max(newest_ns, found.newest_ns)
                parts += (found.path, found.digest)
                hidden += [found.path + b"/" + name for name in found.folders if name != OWN_FOLDER]  # looked at in turn
        return Vicinity(tuple(hidden), tuple(parts), newest_ns)


def epoch_of(root: bytes, stated: Sequence[StatedModel]) -> bytes:
    """A digest of what conclusions rest on everywhere: our own code, and what is stated."""
    return _digest((__version__, root, tuple(stated)))


def _below(step: Step, fingerprint: Fingerprint, record: FolderRecord) -> Iterator[Step]:
    place = step.folder.rstrip(b"/") + b"/"
    for name in fingerprint.folders:
        if not is_hidden_folder(name) and name not in record.ignored:
            yield Step(place + name, step)


def _digest(basis: tuple[object, ...]) -> bytes:
    return hashlib.blake2b(msgspec.msgpack.encode(basis, order="deterministic"), digest_size=32).digest()
