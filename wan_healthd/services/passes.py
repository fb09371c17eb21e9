"""Passes over a file: the bytes go through the digest engine, progress is saved, the digests of the blocks come back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from wan_healthd.domain.comparison import blocks_of, runs_of, split_run
from wan_healthd.domain.coverage import Extent
from wan_healthd.domain.digests import Algorithm, BlockMap
from wan_healthd.domain.evidence import Claim, HeaderFacts
from wan_healthd.domain.extents import merge, ranges_of_blocks
from wan_healthd.domain.ports import BlockRun, Clock, DigestEngine, ReadMode, ReadOutcome, ReadRequest
from wan_healthd.services.activity import Activity
from wan_healthd.services.progress import ProgressSaver
from wan_healthd.store import contents
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.records import ContentRecord, ExpectationRecord

SECOND_READ_BLOCKS = 256
"""Most blocks that are read a second time: a file that was replaced differs everywhere, and 256 MiB prove it."""


WHOLE = (Algorithm.SHA256, Algorithm.BLAKE3_1M)
"""What a first read computes."""

LARGEST_GIT_FILE_BYTES = 16 << 20
"""The hub keeps files up to 10 MB in git itself, and vouches for them by git's own digest only."""


SMALL_BYTES = 16 << 20
"""Up to this size what a read gives goes on record in one piece, with the verdict: what a crash costs is one short read."""


def is_small(size_bytes: int) -> bool:
    """Whether nothing of a read is saved before its end."""
    return size_bytes <= SMALL_BYTES


class Subject(Struct, frozen=True):
    """The open file that is read, and what is known of it. `is_swept`: it is read for a sweep, and nobody waits for it."""

    path: bytes
    descriptor: int
    content: ContentRecord
    expected: ExpectationRecord | None
    header: HeaderFacts | None = None
    claims: tuple[Claim, ...] = ()
    is_swept: bool = False


class Received(Struct, frozen=True):
    """A whole file that was digested as it came in, and what was reported of it."""

    outcome: ReadOutcome
    runs: tuple[BlockRun, ...]


Extents = tuple[Extent, ...]


class Pass(Struct, frozen=True):
    """One pass over a file: its end, and the digests of the blocks that could be read.

    `unsaved`: the same digests where they were not saved on the way; whoever takes them has to. `verified`: of a content that
    was known, the blocks that are right, likewise.
    """

    outcome: ReadOutcome
    fresh: dict[int, bytes]
    unsaved: tuple[BlockRun, ...] = ()
    verified: Extents = ()


class Passes:
    """Makes passes; what they mean is for `reading` to say."""

    def __init__(
        self, engine: DigestEngine, database: Database, clock: Clock, activity: Activity, sweep_mode: ReadMode
    ) -> None:
        self._sweep_mode = sweep_mode
        self._engine = engine
        self._database = database
        self._clock = clock
        self._activity = activity

    async def whole(self, subject: Subject) -> Pass:
        """Every byte, for the first time: SHA-256 and block map, kept as the content's own; of a small file `unsaved`."""
        sections = () if subject.header is None else subject.header.sections
        # The worker answers by number: names, which may be long, need not travel.
        nameless = tuple(replace(section, name="") for section in sections)
        size_bytes = subject.content.identity.size_bytes
        algorithms = WHOLE if size_bytes > LARGEST_GIT_FILE_BYTES else (*WHOLE, Algorithm.GIT_SHA1)
        request = self._request(subject, ReadRequest(size_bytes, algorithms, sections=nameless))
        if is_small(size_bytes):
            return await self._in_one_piece(subject, request, [])
        await self._database.write(lambda db: contents.restart(db, subject.content.id))

        async def save(runs: list[BlockRun]) -> None:
            now = self._clock.now()
            await self._database.write(lambda db: _add_runs(db, subject.content.id, runs, now))

        return await self._read(subject, request, ProgressSaver(save, self._clock))

    async def blocks(
        self,
        subject: Subject,
        known: BlockMap,
        blocks: Sequence[tuple[int, int]],
        interrupted: Callable[[Extents], Awaitable[None]],
    ) -> Pass:
        """Some blocks of a known content again; those that are as `known` count as verified from now on.

        Of a small file they do so as soon as the caller writes that down; `interrupted` takes what a cancelled read verified.
        """
        request = self._request(subject, ReadRequest(known.size_bytes, (Algorithm.BLAKE3_1M,), blocks=tuple(blocks)))
        if is_small(known.size_bytes):
            runs: list[BlockRun] = []
            try:
                done = await self._in_one_piece(subject, request, runs)
            except asyncio.CancelledError:
                await interrupted(_verified(runs, known, self._clock.now()))  # a scrub goes on from here after the restart
                raise
            return Pass(done.outcome, done.fresh, verified=_verified(runs, known, self._clock.now()))

        async def save(runs: list[BlockRun]) -> None:
            extents = _verified(runs, known, self._clock.now())
            await self._database.write(lambda db: contents.mark_all(db, subject.content.id, extents))

        return await self._read(subject, request, ProgressSaver(save, self._clock))

    async def again(self, subject: Subject, blocks: list[int]) -> Pass:
        """The second read that comes before damage is declared; nothing of it is saved."""
        fresh: dict[int, bytes] = {}
        request = ReadRequest(
            subject.content.identity.size_bytes, (Algorithm.BLAKE3_1M,), blocks=runs_of(blocks[:SECOND_READ_BLOCKS])
        )
        outcome = await self._engine.read(
            subject.descriptor, request, lambda run: fresh.update(split_run(run.first_block, run.digests))
        )
        return Pass(outcome, fresh)

    def _request(self, subject: Subject, request: ReadRequest) -> ReadRequest:
        """A second look is never made to wait: it is short, and somebody must be told."""
        return replace(request, mode=self._sweep_mode, is_paced=True) if subject.is_swept else request

    async def once_more(self, subject: Subject, done: Pass) -> Pass:
        """Read again what the storage refused; what it gives the second time counts as read."""
        tried = blocks_of(done.outcome.unreadable)[:SECOND_READ_BLOCKS]
        again = await self.again(subject, tried)
        if not again.outcome.is_of(subject.content.identity):
            return again
        asked = ranges_of_blocks(tried, subject.content.identity.size_bytes)
        untried = [item for item in done.outcome.unreadable if not any(a.offset <= item.offset < a.end for a in asked)]
        refused = merge((*untried, *again.outcome.unreadable))
        all_zero = done.outcome.all_zero and (again.outcome.all_zero or not again.fresh)
        outcome = replace(done.outcome, unreadable=refused, all_zero=all_zero)
        return replace(done, outcome=outcome, fresh={**done.fresh, **again.fresh})

    async def _in_one_piece(self, subject: Subject, request: ReadRequest, runs: list[BlockRun]) -> Pass:
        """Nothing is saved; `runs` is filled as the read goes on."""
        fresh: dict[int, bytes] = {}

        def take(run: BlockRun) -> None:
            if runs and run.first_block <= runs[0].first_block:  # a worker that was lost: another one began anew
                runs.clear()
            runs.append(run)
            self._take(subject, run, fresh, request.size_bytes)

        self._activity.begin(subject.path)
        try:
            outcome = await self._engine.read(subject.descriptor, request, take)
        finally:
            self._activity.end(subject.path)
        return Pass(outcome, fresh, tuple(runs))

    def _take(self, subject: Subject, run: BlockRun, fresh: dict[int, bytes], size_bytes: int) -> None:
        digests = split_run(run.first_block, run.digests)
        fresh.update(digests)
        self._activity.advance(subject.path, sum(r.length for r in ranges_of_blocks(digests, size_bytes)))

    async def _read(self, subject: Subject, request: ReadRequest, saver: ProgressSaver) -> Pass:
        fresh: dict[int, bytes] = {}

        def take(run: BlockRun) -> None:
            self._take(subject, run, fresh, request.size_bytes)
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
        return Pass(outcome, fresh)


def _add_runs(connection: Connection, content_id: int, runs: list[BlockRun], now: datetime) -> None:
    for run in runs:
        contents.add_run(connection, content_id, run, now)


def _verified(runs: Iterable[BlockRun], known: BlockMap, now: datetime) -> Extents:
    """Only blocks that are right count as verified: a wrong one is read again after a crash, and never forgotten."""
    good = [part for run in runs for part in _matching(run, known)]
    return tuple(Extent(part.first_block, part.end_block, now, part.assurance) for part in good)


def _matching(run: BlockRun, known: BlockMap) -> list[BlockRun]:
    """The parts of the run whose digests are the known ones."""
    digests = split_run(run.first_block, run.digests)
    good = [block for block, digest in digests.items() if digest == known.digest_of(block)]
    return [
        BlockRun(first, b"".join(digests[block] for block in range(first, end)), run.assurance) for first, end in runs_of(good)
    ]
