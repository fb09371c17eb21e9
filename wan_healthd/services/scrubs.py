"""Scrubs: what has to be read again of a known content, and what stays on record of that if something comes between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from wan_healthd.domain.coverage import stale_blocks
from wan_healthd.domain.digests import BlockMap, block_count
from wan_healthd.domain.ports import Clock
from wan_healthd.services.passes import Extents, Pass, Passes, Subject, is_small
from wan_healthd.store import contents
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.records import ContentRecord


class Scrub(Struct, frozen=True):
    """What is read again.

    Args:
        known: the content's block map.
        blocks: half-open runs of block numbers to read.
        start: when it began, if it is one of the whole content: an interrupted one goes on. Else None.
    """

    known: BlockMap
    blocks: tuple[tuple[int, int], ...]
    start: datetime | None = None


class Scrubs:
    """Makes scrubs; what they mean is for `reading` to say.

    That a long content is being read is on record before, how far it is, on the way. A small one goes on record with the
    verdict, in one transaction: a crash costs one short read, and what was found damaged is on record before all else.
    """

    def __init__(self, database: Database, clock: Clock, passes: Passes) -> None:
        self._database = database
        self._clock = clock
        self._passes = passes

    async def part(self, content: ContentRecord, blocks: Sequence[tuple[int, int]]) -> Scrub:
        """Some blocks that somebody doubts."""
        return Scrub(await self._database.read(lambda db: block_map(db, content)), tuple(blocks))

    async def whole(self, content: ContentRecord, since: datetime | None) -> Scrub:
        """Whatever was not read since the scrub began: now, or at `since`, or when one began that was interrupted."""
        now = self._clock.now()
        if not is_small(content.identity.size_bytes):
            await self._database.write(lambda db: _begin(db, content, now, since))
        return await self._database.read(lambda db: _whole(db, content, now, since))

    async def read(self, subject: Subject, scrub: Scrub) -> Pass | None:
        """Read what has to be read, what the storage refuses twice; None if the file changed."""
        content, start = subject.content, scrub.start

        async def interrupted(verified: Extents) -> None:
            """The next sweep reads the rest."""
            await self._database.write(lambda db: _interrupted(db, content.id, start, verified))

        done = await self._passes.blocks(subject, scrub.known, scrub.blocks, interrupted)
        if not done.outcome.is_of(content.identity):
            return None
        if is_small(content.identity.size_bytes) and not _is_all(done.verified, scrub.blocks):
            await interrupted(done.verified)  # whatever becomes of us or of the state now, damage is never forgotten
            done = replace(done, verified=())
        if done.outcome.unreadable:
            done = await self._passes.once_more(subject, done)
        return done if done.outcome.is_of(content.identity) else None


def block_map(connection: Connection, content: ContentRecord) -> BlockMap:
    """The block map of a whole content."""
    return contents.block_map(connection, content.id, content.identity.size_bytes)


def _whole(connection: Connection, content: ContentRecord, now: datetime, since: datetime | None) -> Scrub:
    start = contents.scrub_start(connection, content.id, now, since)
    stale = stale_blocks(contents.extents(connection, content.id), block_count(content.identity.size_bytes), start)
    return Scrub(block_map(connection, content), stale, start)


def _begin(connection: Connection, content: ContentRecord, now: datetime, since: datetime | None) -> None:
    contents.begin_scrub(connection, content.id, contents.scrub_start(connection, content.id, now, since))


def _interrupted(connection: Connection, content_id: int, start: datetime | None, verified: Extents) -> None:
    if start is not None:
        contents.begin_scrub(connection, content_id, start)
    contents.mark_all(connection, content_id, verified)


def _is_all(verified: Extents, blocks: Iterable[tuple[int, int]]) -> bool:
    """Whether nothing of the blocks is missing, where nothing else was verified."""
    return sum(extent.end_block - extent.first_block for extent in verified) == sum(end - first for first, end in blocks)
