"""Reading content: the first read that makes a block map, the scrub that proves it, and the second look at what differs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from wan_healthd.domain.comparison import blocks_of, compare, overlay, split_run
from wan_healthd.domain.coverage import Extent
from wan_healthd.domain.digests import Assurance, BlockMap, block_count, weakest
from wan_healthd.domain.errors import WorkerFailed, WorkerRefused
from wan_healthd.domain.evidence import ContentReading, SecondRead, Section
from wan_healthd.domain.extents import ByteRange, ranges_of_blocks
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.fitting import Content, fit
from wan_healthd.domain.ports import Clock, DigestEngine, ReadMode, ReadOutcome, TouchedTensors
from wan_healthd.formats.touching import narrowed
from wan_healthd.services.activity import Activity
from wan_healthd.services.downloads import Downloads
from wan_healthd.services.passes import Pass, Passes, Subject, is_small
from wan_healthd.services.scrubs import Scrubs, block_map
from wan_healthd.store import contents
from wan_healthd.store.database import Database
from wan_healthd.store.records import ExpectationRecord, FirstRead

FIRST_READ_TRIES = 2
"""A first read that memory or bus spoilt is made once more: its SHA-256 would be wrong for ever."""


class Reading(Struct, frozen=True):
    """What came of a read. `content` None: the file changed meanwhile, or two reads disagreed (`obstacle` says which).

    `ends_scrub`: everything that the scrub under way had to read was read. `first`: a first read that is not on record yet,
    and `verified`: blocks that were found to be as they should, likewise; whoever records what was found records it with that.
    """

    content: ContentReading | None
    obstacle: str | None = None
    ends_scrub: bool = False
    first: FirstRead | None = None
    verified: tuple[Extent, ...] = ()


class _Doubt(Struct, frozen=True):
    """Why a first read is made once more.

    `sha256`: what a read gave that contradicts a published digest, or CRCs, where no block map tells which bytes to look at
    again. `spoilt`: a reading whose differing blocks were right the second time.
    """

    sha256: str | None = None
    spoilt: ContentReading | None = None


CHANGED = Reading(None, "changed-while-read")
DISAGREED = Reading(None, "reads-disagree")


class ContentReader:
    """Has the digest engine read what must be read, and compares."""

    def __init__(
        self,
        engine: DigestEngine,
        database: Database,
        clock: Clock,
        activity: Activity,
        sweep_mode: ReadMode = ReadMode.POLITE,
        downloads: Downloads | None = None,
    ) -> None:
        self._engine = engine
        self._database = database
        self._clock = clock
        self._passes = Passes(engine, database, clock, activity, sweep_mode)
        self._scrubs = Scrubs(database, clock, self._passes)
        self._downloads = downloads

    async def first_read(self, subject: Subject) -> Reading:
        """Read the whole file: SHA-256 and block map, which become the content's own if the read can be trusted."""
        received = await self._as_received(subject)
        if received is not None:
            return received
        before: _Doubt = _Doubt()
        for _ in range(FIRST_READ_TRIES):
            done = await self._passes.whole(subject)
            if not done.outcome.is_of(subject.content.identity):
                return CHANGED
            answer = await (self._refused(subject, done) if done.outcome.sha256 is None else self._first(subject, done, before))
            if isinstance(answer, Reading):
                return answer
            before = answer
        return DISAGREED

    async def _as_received(self, subject: Subject) -> Reading | None:
        """What came in is what is published, and what the file holds: known without reading the disk. Else it is read."""
        identity = subject.content.identity
        if self._downloads is None:
            return None
        if not _is_confirmable(subject):
            self._downloads.drop(identity)
            return None
        received = await self._downloads.received(identity)
        if received is None or not received.outcome.is_of(identity) or not _is_published(subject, received.outcome):
            return None
        fresh = {block: digest for run in received.runs for block, digest in split_run(run.first_block, run.digests).items()}
        reading = await self._compare(subject, _map_of(subject, fresh), received.outcome, fresh=fresh)
        if reading is None:
            return None
        await self._database.write(lambda db: contents.restart(db, subject.content.id))
        return Reading(reading, first=await self._kept(subject, Pass(received.outcome, fresh, received.runs), reading))

    async def _refused(self, subject: Subject, done: Pass) -> Reading | _Doubt:
        """The storage refused bytes: only if it does so twice, it is said."""
        second = await self._passes.again(subject, blocks_of(done.outcome.unreadable))
        return Reading(await self._unreadable(subject, done.outcome)) if second.outcome.unreadable else _Doubt()

    async def _first(self, subject: Subject, done: Pass, before: _Doubt) -> Reading | _Doubt:
        """What one whole read amounts to, or why it must be made once more."""
        if _is_suspect(subject, done.outcome):
            if before.sha256 is None:
                return _Doubt(sha256=done.outcome.sha256)
            if before.sha256 != done.outcome.sha256:
                return DISAGREED
        reading = await self._compare(subject, _map_of(subject, done.fresh), done.outcome, fresh=done.fresh)
        if reading is None:
            return CHANGED
        if reading.second is not None and not reading.second.still_differing:
            return _Doubt(spoilt=reading)
        first = await self._kept(subject, done, reading)
        return Reading(before.spoilt if before.spoilt is not None and reading.matches else reading, first=first)

    async def scrub(
        self, subject: Subject, blocks: Sequence[tuple[int, int]] | None, *, since: datetime | None = None
    ) -> Reading:
        """Read known content again, against its own block map; `blocks` None: whatever was not read since the scrub began.

        A scrub begins now, or `since`, or goes on from where an earlier one was interrupted.
        """
        content = subject.content
        scrub = await (self._scrubs.whole(content, since) if blocks is None else self._scrubs.part(content, blocks))
        if not scrub.blocks:  # another path leads to the same content, and was read by this very round
            return replace(await self.compare_stored(subject), ends_scrub=True)
        done, known = await self._scrubs.read(subject, scrub), scrub.known
        if done is None:
            return CHANGED
        reading = await self._compare(subject, overlay(known, done.fresh), done.outcome, fresh=done.fresh, known=known)
        if reading is None:
            return CHANGED
        if done.outcome.unreadable:
            reading = _with_refusals(reading, await self._unreadable(subject, done.outcome))
        return Reading(reading, ends_scrub=blocks is None, verified=done.verified)

    async def compare_stored(self, subject: Subject) -> Reading:
        """Nothing is read: the content is known, only what is expected may have changed."""
        known = await self._database.read(lambda db: block_map(db, subject.content))
        reading = await self._compare(subject, known, None, fresh={}, known=known)
        return CHANGED if reading is None else Reading(reading)

    async def _compare(
        self,
        subject: Subject,
        actual: BlockMap,
        outcome: ReadOutcome | None,
        fresh: dict[int, bytes],
        known: BlockMap | None = None,
    ) -> ContentReading | None:
        """The reading; None if the file changed before the second read was done. `known`: the content's own map, if any."""
        sha256 = subject.content.sha256 if outcome is None or outcome.sha256 is None else outcome.sha256
        assurance = await self._assurance(subject, outcome)
        all_zero = _is_all_zero(subject, outcome, fresh)
        bad_sections = _bad_sections(subject, outcome)
        alone = ContentReading(
            sha256,
            assurance,
            git_sha1=subject.content.git_sha1 if outcome is None or outcome.git_sha1 is None else outcome.git_sha1,
            all_zero=all_zero,
            bad_sections=bad_sections or (),
            crc_checked=bad_sections is not None,
        )
        if subject.expected is None or subject.expected.content_id is None:
            return alone
        is_own = subject.expected.content_id == subject.content.id
        expected_map = known if is_own and known is not None else await self._expected_map(subject.expected)
        found = compare(actual, expected_map)
        second: SecondRead | None = None
        suspects = [block for block in blocks_of(found.differing) if block in fresh]
        if suspects:
            repeat = await self._passes.again(subject, suspects)
            if not repeat.outcome.is_of(subject.content.identity):
                return None
            second = _second(found.differing, expected_map, fresh, repeat.fresh)
        damaged = second.still_differing if second is not None else found.differing
        touched = await self._touched(subject, damaged)
        if outcome is None or not subject.content.is_whole:  # else the CRCs are of an earlier read
            touched = narrowed(touched, alone.bad_sections, damaged)
        return replace(
            alone,
            all_zero=all_zero and (second is None or second.same_bytes),
            matches=found.matches,
            differing=found.differing,
            prefix_matches=found.prefix_matches,
            second=second,
            tensors=touched.names,
            tensors_total=touched.total,
            in_header=touched.in_header,
        )

    async def _expected_map(self, expected: ExpectationRecord) -> BlockMap:
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
        try:
            return await self._engine.locate(subject.header.format, packed, ranges)
        except (WorkerFailed, WorkerRefused):
            return TouchedTensors((), 0, False)  # damage without names is damage still

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

    async def _kept(self, subject: Subject, done: Pass, reading: ContentReading) -> FirstRead | None:
        """The first read of a small file, for the record; that of a long one is kept at once, and this is None."""
        outcome, header = done.outcome, subject.header
        if outcome.sha256 is None:
            raise ValueError("only a whole read is kept")
        first = FirstRead(
            sha256=outcome.sha256,
            format=None if header is None else header.format,
            packed_header=None if header is None else header.packed_header,
            all_zero=outcome.all_zero,
            bad_sections=reading.bad_sections if reading.crc_checked else None,
            git_sha1=outcome.git_sha1,
            runs=done.unsaved,
            at=self._clock.now(),
        )
        if is_small(subject.content.identity.size_bytes):
            return first
        await self._database.write(lambda db: contents.complete_with(db, subject.content.id, first))
        return None


def _is_all_zero(subject: Subject, outcome: ReadOutcome | None, fresh: dict[int, bytes]) -> bool:
    """Whether the whole file is zeros: a read of a few blocks says so only of a content that is known to be."""
    whole = len(fresh) == block_count(subject.content.identity.size_bytes) > 0
    if outcome is None or not fresh:
        return subject.content.is_all_zero
    return outcome.all_zero and (whole or subject.content.is_all_zero)


def _is_suspect(subject: Subject, outcome: ReadOutcome) -> bool:
    """Whether the bytes are all zero, or contradict a published digest or their own CRCs, and no block map will tell where."""
    if subject.expected is not None and subject.expected.content_id is not None:
        return False
    read = Content(subject.content.identity.size_bytes, outcome.sha256, outcome.git_sha1)
    return outcome.all_zero or bool(outcome.bad_sections) or fit(read, subject.claims).wrong_digest is not None


def _is_confirmable(subject: Subject) -> bool:
    """Whether a digest alone says that the file is right: it is published, and no CRCs nor earlier bytes have a say."""
    has_sections = subject.header is not None and bool(subject.header.sections)
    is_expected = subject.expected is not None and subject.expected.content_id is not None
    return not has_sections and not is_expected and any(claim.sha256 is not None for claim in subject.claims)


def _is_published(subject: Subject, outcome: ReadOutcome) -> bool:
    """Whether the whole was digested, and somebody states just this digest."""
    read = Content(subject.content.identity.size_bytes, outcome.sha256)
    return outcome.sha256 is not None and not outcome.all_zero and fit(read, subject.claims).proven_by is not VerifiedBy.NONE


def _bad_sections(subject: Subject, outcome: ReadOutcome | None) -> tuple[Section, ...] | None:
    """Sections whose CRC does not fit, by this read if it was a first one, else by the first; None if none was checked."""
    if outcome is None or outcome.sha256 is None or subject.content.is_whole:
        return subject.content.bad_sections
    sections = () if subject.header is None else subject.header.sections
    return tuple(sections[number] for number in outcome.bad_sections) if sections else None


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


def _second(
    differing: tuple[ByteRange, ...], expected: BlockMap, first: dict[int, bytes], again: dict[int, bytes]
) -> SecondRead:
    """Blocks beyond the bound of the second read keep the word of the first."""
    still = [block for block in blocks_of(differing) if again.get(block, first.get(block)) != expected.digest_of(block)]
    same = all(first.get(block) == digest for block, digest in again.items())
    return SecondRead(ranges_of_blocks(still, expected.size_bytes), same)
