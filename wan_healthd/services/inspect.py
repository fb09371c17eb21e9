"""The inspector: takes files from the queue, gathers evidence, has it judged, and publishes. Only it writes verdicts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from wan_healthd.checks.baseline import may_become_baseline, may_move_baseline
from wan_healthd.checks.registry import judge_file
from wan_healthd.domain.catalogue import READ_ERROR, TRANSIENT_READ
from wan_healthd.domain.comparison import blocks_of, runs_of
from wan_healthd.domain.errors import HealthdError, WorkerFailed, WorkerRefused
from wan_healthd.domain.evidence import FileEvidence, HeaderFacts, KnownFile
from wan_healthd.domain.files import FileLook, Presence, Role
from wan_healthd.domain.findings import Cause
from wan_healthd.domain.ports import Clock, DigestEngine, Files, OpenedFile, Threads
from wan_healthd.layouts.names import format_of
from wan_healthd.services.places import Places
from wan_healthd.services.publish import Judgement, Publisher
from wan_healthd.services.queue import Task, WorkQueue
from wan_healthd.services.reading import ContentReader, Reading, Subject
from wan_healthd.services.roster import enroll
from wan_healthd.store import contents, models, paths
from wan_healthd.store.database import Database
from wan_healthd.store.records import ContentRecord, PathState

CLOCK_TICK_S = 0.02
"""Time stamps move in ticks of the kernel's clock (at most 10 ms): a file younger than this may change without a trace."""

BACKGROUND_LANES = 2
URGENT_LANES = 2
"""What just changed never waits behind the long reads of a sweep."""


class Inspector:
    """Judges one path at a time in each lane.

    Args:
        reads_content: False judges presence and headers only (`corruption_detection_enabled = false`).
        retry_later: called with the path of a file that changed while it was read.
        complain: told of errors that are ours.
    """

    def __init__(
        self,
        *,
        queue: WorkQueue,
        files: Files,
        threads: Threads,
        engine: DigestEngine,
        reader: ContentReader,
        database: Database,
        places: Places,
        publisher: Publisher,
        clock: Clock,
        reads_content: bool,
        retry_later: Callable[[bytes], None],
        complain: Callable[[str, BaseException], None],
    ) -> None:
        self._queue = queue
        self._files = files
        self._threads = threads
        self._engine = engine
        self._reader = reader
        self._database = database
        self._places = places
        self._publisher = publisher
        self._clock = clock
        self._reads_content = reads_content
        self._retry_later = retry_later
        self._complain = complain

    async def run(self) -> None:
        """Work in all lanes until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(BACKGROUND_LANES):
                group.create_task(self._lane(urgent_only=False))
            for _ in range(URGENT_LANES):
                group.create_task(self._lane(urgent_only=True))

    async def _lane(self, *, urgent_only: bool) -> None:
        while True:
            task = await self._queue.get(urgent_only=urgent_only)
            model_ids = task.models
            try:
                model_ids = await self._inspect(task) or task.models
            except Exception as error:  # the boundary that isolates one job: the next file is judged whatever came of this
                self._complain(f"inspecting {task.path!r}", error)
            tickets = await self._queue.done(task)
            try:
                await self._publisher.finished(model_ids)
            except HealthdError as error:
                self._complain("finishing a check", error)
            for ticket in tickets:
                ticket.end()

    async def _inspect(self, task: Task) -> tuple[str, ...]:
        """Judge one file; returns the models that it belongs to."""
        state = await self._known(task)
        if state is None:
            return ()
        opened = await self._open(task)
        try:
            if opened.descriptor is None:
                await self._judge_unopened(state, opened.look)
            else:
                await self._judge_opened(task, state, opened)
        finally:
            if opened.descriptor is not None:
                os.close(opened.descriptor)
        return await self._database.read(lambda db: models.of_path(db, state.record.id))

    async def _open(self, task: Task) -> OpenedFile:
        """Open in a thread; if we are cancelled meanwhile, what it opens is closed again."""
        opening = asyncio.ensure_future(self._threads.run(lambda: self._files.open(task.root, task.path)))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_opened)
            raise

    async def _known(self, task: Task) -> PathState | None:
        state = await self._database.read(lambda db: paths.state(db, task.path))
        if state is not None:
            return state
        place = await self._places.find(task.root, task.path)
        if place is None:
            return None
        now = self._clock.now()
        await self._database.write(lambda db: enroll(db, place.model, [(task.path, place.role)], now))
        return await self._database.read(lambda db: paths.state(db, task.path))

    async def _judge_unopened(self, state: PathState, look: FileLook) -> None:
        if look.presence is Presence.ABSENT and state.record.content_id is None and state.expected is None:
            await self._forget(state)
            return
        evidence = _evidence(state, look)
        await self._publisher.judged(Judgement(state.record, look, judge_file(evidence), state.record.content_id))

    async def _forget(self, state: PathState) -> None:
        """A file that was seen but never read is no loss: a download moved to its real name."""
        await self._database.write(lambda db: paths.forget(db, state.record.id))

    async def _judge_opened(self, task: Task, state: PathState, opened: OpenedFile) -> None:
        look, descriptor = opened.look, opened.descriptor
        if look.identity is None or descriptor is None:
            raise ValueError("an opened file has an identity and a descriptor")
        look = await self._past_tick(look, descriptor)
        identity = look.identity
        if identity is None:
            raise ValueError("an opened file has an identity")
        content = await self._database.write(lambda db: contents.ensure(db, identity))
        header, obstacle, complaint = await self._header(state, descriptor)
        evidence = _evidence(state, look, header=header, unjudged=obstacle, complaint=complaint)
        first_word = judge_file(evidence)
        reading: Reading | None = None
        if obstacle is None and self._wants_content(evidence):
            if any(not finding.is_advice for finding in first_word) and not content.is_whole:
                await self._publisher.judged(Judgement(state.record, look, first_word, content.id, is_final=False))
            subject = Subject(task.path, descriptor, content, state.expected, header)
            reading, complaint = await self._read(task, state, subject)
        await self._conclude(task, state, content, evidence, reading, complaint)

    async def _conclude(
        self,
        task: Task,
        state: PathState,
        content: ContentRecord,
        evidence: FileEvidence,
        reading: Reading | None,
        complaint: str,
    ) -> None:
        if reading is not None:
            evidence = _with_reading(evidence, reading, complaint)
        findings = judge_file(evidence)
        baseline = may_become_baseline(evidence, findings) or may_move_baseline(evidence)
        await self._publisher.judged(Judgement(state.record, evidence.look, findings, content.id, becomes_baseline=baseline))
        if evidence.unjudged == "changed-while-read" and task.patient:
            self._retry_later(task.path)

    async def _past_tick(self, look: FileLook, descriptor: int) -> FileLook:
        """Wait until a later write must show in the time stamps, then look again."""
        if look.identity is None:
            return look
        age_s = self._clock.now().timestamp() - look.identity.ctime_ns / 1e9
        if not 0 <= age_s < CLOCK_TICK_S:
            return look
        await asyncio.sleep(CLOCK_TICK_S - age_s)
        return await self._threads.run(lambda: self._files.look_open(descriptor))

    async def _header(self, state: PathState, descriptor: int) -> tuple[HeaderFacts | None, str | None, str]:
        """The header's facts, or why there are none."""
        name = format_of(state.record.path.rsplit(b"/", 1)[-1])
        if name is None:
            return None, None, ""
        try:
            return await self._engine.header(descriptor, name), None, ""
        except (WorkerFailed, WorkerRefused) as error:
            return None, error.code, error.message

    def _wants_content(self, evidence: FileEvidence) -> bool:
        """A file that is broken by its header, with nothing to compare it with, is not worth reading."""
        if not self._reads_content:
            return False
        header = evidence.header
        faulty = header is not None and (header.fault is not None or header.undecided is not None)
        return not faulty or evidence.expectation is not None or _may_be_zeros(evidence)

    async def _read(self, task: Task, state: PathState, subject: Subject) -> tuple[Reading | None, str]:
        try:
            if not subject.content.is_whole:
                return await self._reader.first_read(subject), ""
            if task.full:
                return await self._reader.scrub(subject, None), ""
            suspects = _suspect_blocks(state)
            if suspects and state.record.content_id == subject.content.id:
                return await self._reader.scrub(subject, suspects), ""
            return await self._reader.compare_stored(subject), ""
        except (WorkerFailed, WorkerRefused) as error:
            return Reading(None, error.code), error.message


def _close_opened(opening: asyncio.Future[OpenedFile]) -> None:
    if not opening.cancelled() and opening.exception() is None and (descriptor := opening.result().descriptor) is not None:
        os.close(descriptor)


def _may_be_zeros(evidence: FileEvidence) -> bool:
    """All zeros is told from a malformed header only by reading."""
    fault = evidence.header.fault if evidence.header is not None else None
    return fault is not None and fault.code in {"not-json", "header-too-short", "empty-header"} and not evidence.is_one_hole


def _suspect_blocks(state: PathState) -> tuple[tuple[int, int], ...]:
    """Blocks whose damage was found by reading, and must be read again to be confirmed."""
    ranges = tuple(
        item
        for finding in state.findings
        if finding.code in {READ_ERROR.code, TRANSIENT_READ.code} or finding.cause is Cause.DISK
        for item in finding.ranges
    )
    return runs_of(blocks_of(ranges))


def _evidence(
    state: PathState,
    look: FileLook,
    *,
    header: HeaderFacts | None = None,
    unjudged: str | None = None,
    complaint: str = "",
) -> FileEvidence:
    record = state.record
    known = None
    if record.mode is not None and state.content is not None:
        known = KnownFile(state.content.identity.size_bytes, record.mode)
    return FileEvidence(
        path=record.path,
        role=Role(record.role),
        look=look,
        known=known,
        expectation=None if state.expected is None else state.expected.expectation,
        header=header,
        unjudged=unjudged,
        complaint=complaint,
    )


def _with_reading(evidence: FileEvidence, reading: Reading, complaint: str) -> FileEvidence:
    return FileEvidence(
        path=evidence.path,
        role=evidence.role,
        look=evidence.look,
        known=evidence.known,
        expectation=evidence.expectation,
        header=evidence.header,
        content=reading.content,
        unjudged=reading.obstacle,
        complaint=complaint,
    )
