"""Reading content: the first read that makes a block map, the scrub that proves it, and the second look at what differs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from wan_healthd.domain.comparison import blocks_of, compare, overlay, runs_of, split_run
from wan_healthd.domain.coverage import Extent, stale_blocks
from wan_healthd.domain.digests import Algorithm, Assurance, BlockMap, block_count, weakest
from wan_healthd.domain.evidence import ContentReading, HeaderFacts, SecondRead
from wan_healthd.domain.extents import ByteRange, merge, ranges_of_blocks
from wan_healthd.domain.ports import (
    BlockRun,
    Clock,
    DigestEngine,
    ReadOutcome,
    ReadRequest,
    TouchedTensors,
)
from wan_healthd.services.activity import Activity
from wan_healthd.services.progress import ProgressSaver
from wan_healthd.store import contents
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.records import ContentRecord, ExpectationRecord

SECOND_READ_BLOCKS = 256
"""Most blocks that are read a second time: a file that was replaced differs everywhere, and 256 MiB prove it."""

FIRST_READ_TRIES = 2
"""A first read that memory or bus spoilt is made once more: its SHA-256 would be wrong for ever."""


class Subject(Struct, frozen=True):
    """The open file that is read, and what is known of it."""

    path: bytes
    descriptor: int
    content: ContentRecord
    expected: ExpectationRecord | None
    header: HeaderFacts | None = None


class Reading(Struct, frozen=True):
    """What came of a read. `content` None: the file changed meanwhile, or two reads disagreed (`obstacle` says which).

    `ends_scrub`: everything that the scrub under way had to read was read.
    """

    content: ContentReading | None
    obstacle: str | None = None
    ends_scrub: bool = False


CHANGED = Reading(None, "changed-while-read")
DISAGREED = Reading(None, "reads-disagree")


class _Pass(Struct, frozen=True):
    """One pass over a file: its end, and the digests of the blocks that could be read."""

    outcome: ReadOutcome
    fresh: dict[int, bytes]


class ContentReader:
    """Reads through the digest engine, saves progress, and compares."""

    def __init__(self, engine: DigestEngine, database: Database, clock: Clock, activity: Activity) -> None:
        self._engine = engine
        self._database = database
        self._clock = clock
        self._activity = activity

    async def first_read(self, subject: Subject) -> Reading:
        """Read the whole file: SHA-256 and block map, kept as the content's own if the read can be trusted."""
        spoilt: ContentReading | None = None
        for _ in range(FIRST_READ_TRIES):
            done = await self._read_whole(subject)
            if not done.outcome.is_of(subject.content.identity):
                return CHANGED
            if done.outcome.sha256 is None:
                second = await self._again(subject, blocks_of(done.outcome.unreadable))
                if second.outcome.unreadable:
                    return Reading(await self._unreadable(subject, done.outcome))
                continue
            actual = _map_of(subject, done.fresh)
            reading = await self._compare(subject, actual, done.outcome, fresh=done.fresh)
            if reading is None:
                return CHANGED
            if reading.second is None or reading.second.still_differing:
                await self._keep(subject, done.outcome)
                return Reading(spoilt if spoilt is not None and reading.matches else reading)
            spoilt = reading
        return DISAGREED

    async def scrub(self, subject: Subject, blocks: Sequence[tuple[int, int]] | None) -> Reading:
        """Read known content again, against its own block map; `blocks` None: whatever was not read since the scrub began."""
        known = await self._database.read(lambda db: _known_map(db, subject.content))
        is_whole_scrub = blocks is None
        if blocks is None:
            started = await self._database.write(lambda db: contents.begin_scrub(db, subject.content.id, self._clock.now()))
            extents = await self._database.read(lambda db: contents.extents(db, subject.content.id))
            blocks = stale_blocks(extents, block_count(subject.content.identity.size_bytes), started)
        done = await self._read_blocks(subject, known, blocks)
        if not done.outcome.is_of(subject.content.identity):
            return CHANGED
        if done.outcome.unreadable:
            done = await self._once_more(subject, done)
            if not done.outcome.is_of(subject.content.identity):
                return CHANGED
        reading = await self._compare(subject, overlay(known, done.fresh), done.outcome, fresh=done.fresh)
        if reading is None:
            return CHANGED
        if done.outcome.unreadable:
            reading = _with_refusals(reading, await self._unreadable(subject, done.outcome))
        return Reading(reading, ends_scrub=is_whole_scrub)

    async def compare_stored(self, subject: Subject) -> Reading:
        """Nothing is read: the content is known, only what is expected may have changed."""
        known = await self._database.read(lambda db: _known_map(db, subject.content))
        reading = await self._compare(subject, known, None, fresh={})
        return CHANGED if reading is None else Reading(reading)

    async def _once_more(self, subject: Subject, done: _Pass) -> _Pass:
        """Read again what the storage refused; what it gives the second time counts as read."""
        tried = blocks_of(done.outcome.unreadable)[:SECOND_READ_BLOCKS]
        again = await self._again(subject, tried)
        if not again.outcome.is_of(subject.content.identity):
            return again
        asked = ranges_of_blocks(tried, subject.content.identity.size_bytes)
        untried = [item for item in done.outcome.unreadable if not any(a.offset <= item.offset < a.end for a in asked)]
        refused = merge((*untried, *again.outcome.unreadable))
        all_zero = done.outcome.all_zero and (again.outcome.all_zero or not again.fresh)
        outcome = replace(done.outcome, unreadable=refused, all_zero=all_zero)
        return _Pass(outcome, {**done.fresh, **again.fresh})

    async def _read_whole(self, subject: Subject) -> _Pass:
        await self._database.write(lambda db: contents.restart(db, subject.content.id))
        request = ReadRequest(subject.content.identity.size_bytes, (Algorithm.SHA256, Algorithm.BLAKE3_1M))

        async def save(runs: list[BlockRun]) -> None:
            now = self._clock.now()
            await self._database.write(lambda db: _add_runs(db, subject.content.id, runs, now))

        return await self._read(subject, request, ProgressSaver(save, self._clock))

    async def _read_blocks(self, subject: Subject, known: BlockMap, blocks: Sequence[tuple[int, int]]) -> _Pass:
        request = ReadRequest(known.size_bytes, (Algorithm.BLAKE3_1M,), blocks=tuple(blocks))

        async def save(runs: list[BlockRun]) -> None:
            now = self._clock.now()
            # Only blocks that are right count as verified: a wrong one is read again after a crash, and never forgotten.
            good = [part for run in runs for part in _matching(run, known)]
            extents = [Extent(part.first_block, part.end_block, now, part.assurance) for part in good]
            await self._database.write(lambda db: _mark_all(db, subject.content.id, extents))

        return await self._read(subject, request, ProgressSaver(save, self._clock))

    async def _read(self, subject: Subject, request: ReadRequest, saver: ProgressSaver) -> _Pass:
        fresh: dict[int, bytes] = {}

        def take(run: BlockRun) -> None:
            digests = split_run(run.first_block, run.digests)
            fresh.update(digests)
            self._activity.advance(subject.path, sum(r.length for r in ranges_of_blocks(digests, request.size_bytes)))
            saver.add(run)

        self._activity.begin(subject.path)
        try:
            async with asyncio.TaskGroup() as group:
                saving = group.create_task(saver.run())
                outcome = await self._engine.read(subject.descriptor, request, take)
                saving.cancel()
            await saver.flush()
        except asyncio.CancelledError:
            await saver.flush()  # a scrub goes on from here after the restart
            raise
        except ExceptionGroup as group_error:
            raise group_error.exceptions[0] from group_error
        finally:
            self._activity.end(subject.path)
        return _Pass(outcome, fresh)

    async def _again(self, subject: Subject, blocks: list[int]) -> _Pass:
        """The second read that comes before damage is declared; nothing of it is saved."""
        fresh: dict[int, bytes] = {}
        request = ReadRequest(
            subject.content.identity.size_bytes, (Algorithm.BLAKE3_1M,), blocks=runs_of(blocks[:SECOND_READ_BLOCKS])
        )
        outcome = await self._engine.read(
            subject.descriptor, request, lambda run: fresh.update(split_run(run.first_block, run.digests))
        )
        return _Pass(outcome, fresh)

    async def _compare(
        self, subject: Subject, actual: BlockMap, outcome: ReadOutcome | None, fresh: dict[int, bytes]
    ) -> ContentReading | None:
        """The reading; None if the file changed before the second read was done."""
        sha256 = subject.content.sha256 if outcome is None or outcome.sha256 is None else outcome.sha256
        assurance = await self._assurance(subject, outcome)
        all_zero = _is_all_zero(subject, outcome, fresh)
        if subject.expected is None or subject.expected.content_id is None:
            return ContentReading(sha256, assurance, all_zero=all_zero)
        expected_map = await self._expected_map(subject, subject.expected)
        found = compare(actual, expected_map)
        second: SecondRead | None = None
        suspects = [block for block in blocks_of(found.differing) if block in fresh]
        if suspects and not all_zero:
            repeat = await self._again(subject, suspects)
            if not repeat.outcome.is_of(subject.content.identity):
                return None
            second = _second(found.differing, expected_map, fresh, repeat.fresh)
        touched = await self._touched(subject, second.still_differing if second is not None else found.differing)
        return ContentReading(
            sha256,
            assurance,
            all_zero=all_zero,
            matches=found.matches,
            differing=found.differing,
            prefix_matches=found.prefix_matches,
            second=second,
            tensors=touched.names,
            tensors_total=touched.total,
            in_header=touched.in_header,
        )

    async def _expected_map(self, subject: Subject, expected: ExpectationRecord) -> BlockMap:
        content_id, size_bytes = expected.content_id, expected.expectation.size_bytes
        if content_id is None:
            raise ValueError("only an expectation with a content has a block map")
        return await self._database.read(lambda db: contents.block_map(db, content_id, size_bytes))

    async def _assurance(self, subject: Subject, outcome: ReadOutcome | None) -> Assurance:
        if outcome is not None:
            return outcome.assurance
        extents = await self._database.read(lambda db: contents.extents(db, subject.content.id))
        return weakest(frozenset(extent.assurance for extent in extents)) or Assurance.UNPROVEN

    async def _touched(self, subject: Subject, ranges: tuple[ByteRange, ...]) -> TouchedTensors:
        """Tensor names by the header that the file should have; by its own where none is kept."""
        expected_header = await self._expected_header(subject)
        own = subject.header.packed_header if subject.header is not None else None
        packed = expected_header or own
        if not ranges or packed is None or subject.header is None:
            return TouchedTensors((), 0, False)
        return await self._engine.locate(subject.header.format, packed, ranges)

    async def _expected_header(self, subject: Subject) -> bytes | None:
        if subject.expected is None or subject.expected.content_id is None:
            return None
        content_id = subject.expected.content_id
        return await self._database.read(lambda db: contents.packed_header(db, content_id))

    async def _unreadable(self, subject: Subject, outcome: ReadOutcome) -> ContentReading:
        touched = await self._touched(subject, outcome.unreadable)
        return ContentReading(
            None,
            outcome.assurance,
            unreadable=outcome.unreadable,
            errno_name=outcome.errno_name,
            tensors=touched.names,
            tensors_total=touched.total,
            in_header=touched.in_header,
        )

    async def _keep(self, subject: Subject, outcome: ReadOutcome) -> None:
        sha256, header = outcome.sha256, subject.header
        if sha256 is None:
            raise ValueError("only a whole read is kept")
        await self._database.write(
            lambda db: contents.complete(
                db,
                subject.content.id,
                sha256=sha256,
                format_name=None if header is None else header.format,
                packed_header=None if header is None else header.packed_header,
                all_zero=outcome.all_zero,
            )
        )


def _is_all_zero(subject: Subject, outcome: ReadOutcome | None, fresh: dict[int, bytes]) -> bool:
    """Whether the whole file is zeros: a read of a few blocks says so only of a content that is known to be."""
    whole = len(fresh) == block_count(subject.content.identity.size_bytes) > 0
    if outcome is None or not fresh:
        return subject.content.is_all_zero
    return outcome.all_zero and (whole or subject.content.is_all_zero)


def _with_refusals(reading: ContentReading, refused: ContentReading) -> ContentReading:
    """What could be read, and what could not; both touch tensors, the refused ones are told first."""
    names = tuple(dict.fromkeys((*refused.tensors, *reading.tensors)))
    return replace(
        reading,
        unreadable=refused.unreadable,
        errno_name=refused.errno_name,
        tensors=names,
        tensors_total=max(len(names), refused.tensors_total, reading.tensors_total),
        in_header=refused.in_header or reading.in_header,
    )


def _map_of(subject: Subject, fresh: dict[int, bytes]) -> BlockMap:
    size_bytes = subject.content.identity.size_bytes
    return BlockMap(size_bytes, b"".join(fresh[block] for block in range(block_count(size_bytes))))


def _known_map(connection: Connection, content: ContentRecord) -> BlockMap:
    return contents.block_map(connection, content.id, content.identity.size_bytes)


def _add_runs(connection: Connection, content_id: int, runs: list[BlockRun], now: datetime) -> None:
    for run in runs:
        contents.add_run(connection, content_id, run, now)


def _mark_all(connection: Connection, content_id: int, extents: list[Extent]) -> None:
    for extent in extents:
        contents.mark(connection, content_id, extent)


def _matching(run: BlockRun, known: BlockMap) -> list[BlockRun]:
    """The parts of the run whose digests are the known ones."""
    digests = split_run(run.first_block, run.digests)
    good = [block for block, digest in digests.items() if digest == known.digest_of(block)]
    return [
        BlockRun(first, b"".join(digests[block] for block in range(first, end)), run.assurance) for first, end in runs_of(good)
    ]


def _second(
    differing: tuple[ByteRange, ...], expected: BlockMap, first: dict[int, bytes], again: dict[int, bytes]
) -> SecondRead:
    """Blocks beyond the bound of the second read keep the word of the first."""
    still = [block for block in blocks_of(differing) if again.get(block, first.get(block)) != expected.digest_of(block)]
    same = all(first.get(block) == digest for block, digest in again.items())
    return SecondRead(ranges_of_blocks(still, expected.size_bytes), same)
