"""The inspector: takes files from the queue, gathers evidence, has it judged, and publishes. Only it writes verdicts."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from datetime import datetime

from msgspec import UNSET
from msgspec.structs import replace

from wan_healthd.checks.baseline import vouched_by
from wan_healthd.checks.emptiness import may_be_zeros
from wan_healthd.checks.registry import judge_file
from wan_healthd.domain.digests import Assurance
from wan_healthd.domain.errors import WorkerFailed, WorkerRefused
from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.files import FileLook, Presence
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.identity import FileIdentity
from wan_healthd.domain.paths import display
from wan_healthd.domain.ports import Clock, Files, Threads
from wan_healthd.services.arriving import LULL_S, is_being_written, is_in_flight
from wan_healthd.services.deadline import Unanswered
from wan_healthd.services.evidence import (
    BEING_WRITTEN,
    IN_FLIGHT,
    INTERNAL,
    gather,
    hindered,
    is_worth_reading,
    still_standing,
    suspect_blocks,
    with_reading,
)
from wan_healthd.services.hearing import Heard, Hearing
from wan_healthd.services.known import Known, Register
from wan_healthd.services.mount_points import MountPoints
from wan_healthd.services.opening import OpenedToJudge, close_in_thread, open_to_judge
from wan_healthd.services.passes import Subject
from wan_healthd.services.places import Places
from wan_healthd.services.publish import Judgement, Publisher
from wan_healthd.services.queue import Priority, Task, WorkQueue
from wan_healthd.services.reading import CHANGED, DISAGREED, ContentReader, Reading
from wan_healthd.services.roster import strike_off
from wan_healthd.services.settle import QUIET_S
from wan_healthd.services.turns import Turns
from wan_healthd.store import models, paths
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.records import ContentRecord, PathState

CLOCK_TICK_S = 0.02
"""Time stamps move in ticks of the kernel's clock (at most 10 ms): a file younger than this may change without a trace."""

MOST_CLOSING = 10
"""Looks, a tick apart, at whether a file is still open for writing: inotify tells of its end before the kernel lets it go."""

BACKGROUND_LANES = 2
URGENT_LANES = 2
"""What just changed never waits behind the long reads of a sweep."""


class Inspector:
    """Judges one path at a time in each lane.

    Args:
        reads_content: False judges presence and headers only (`corruption_detection_enabled = false`).
        retry_later: called with the path of a file that changed while it was read, or is still written to, and the seconds for
            which nothing must happen to it before it is judged again.
        complain: told of errors that are ours.
        model_appeared: called with root and folder of a folder model that a single file brought to light: what lay there
            before belongs to it, too.
        fell_silent: called with the root of a file that was not judged, since something there did not answer.
    """

    def __init__(
        self,
        *,
        queue: WorkQueue,
        files: Files,
        threads: Threads,
        hearing: Hearing,
        reader: ContentReader,
        database: Database,
        places: Places,
        publisher: Publisher,
        clock: Clock,
        reads_content: bool,
        retry_later: Callable[[bytes, float], None],
        complain: Callable[[str, BaseException], None],
        model_appeared: Callable[[bytes, bytes], None] = lambda root, folder: None,
        fell_silent: Callable[[bytes, Unanswered], None] = lambda root, silence: None,
    ) -> None:
        self._queue = queue
        self._files = files
        self._threads = threads
        self._hearing = hearing
        self._reader = reader
        self._database = database
        self._register = Register(database, places, clock, model_appeared)
        self._publisher = publisher
        self._clock = clock
        self._reads_content = reads_content
        self._retry_later = retry_later
        self._complain = complain
        self._fell_silent = fell_silent
        self._turns = Turns()
        self._mount_points = MountPoints(files, threads, database)
        self._under_way: dict[Task, asyncio.Task[tuple[str, ...]]] = {}

    async def run(self) -> None:
        """Work in all lanes until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(BACKGROUND_LANES):
                group.create_task(self._lane(urgent_only=False))
            for _ in range(URGENT_LANES):
                group.create_task(self._lane(urgent_only=True))

    def put_down(self) -> None:
        """Stop what is not urgent and let it wait again; its read goes on at its block when it is taken up."""
        for task, work in self._under_way.items():
            if not task.priority.is_urgent:
                work.cancel()

    async def _lane(self, *, urgent_only: bool) -> None:
        while True:
            task = await self._queue.get(urgent_only=urgent_only)
            model_ids: tuple[str, ...] | None = task.models
            try:
                model_ids = await self._attend(task)
            except Unanswered as silence:  # not the file is unreadable, but what it is on: a sweep of the root tells
                self._fell_silent(task.root, silence)
            except Exception as error:  # the boundary that isolates one job: the next file is judged whatever came of this
                self._complain(f"inspecting {display(task.path)}", error)
                await self._admit_failure(task, error)
            if model_ids is None:
                self._queue.give_back(task)
                continue
            tickets = await self._queue.done(task)
            try:
                await self._publisher.finished(model_ids)
            except Exception as error:  # likewise: whoever waits for the task must not wait for ever
                self._complain("finishing a check", error)
            for ticket in tickets:
                ticket.end()

    async def _attend(self, task: Task) -> tuple[str, ...] | None:
        """Judge one file; returns the models that it belongs to, or None if it was put down."""
        work = self._under_way[task] = asyncio.ensure_future(self._inspect(task))
        try:
            return await work or task.models
        except asyncio.CancelledError:
            lane = asyncio.current_task()
            if lane is not None and lane.cancelling():
                raise
            return None
        finally:
            del self._under_way[task]

    async def _admit_failure(self, task: Task, failure: Exception) -> None:
        """That we could not look is a finding, too: nobody shall take the verdict of before for a new one."""
        try:
            state = await self._database.read(lambda db: paths.state(db, task.path))
            if state is not None:
                evidence = hindered(gather(state, FileLook(Presence.FILE)), INTERNAL, type(failure).__name__)
                await self._publish(task, Known(state), Heard(evidence), state.record.content_id)
        except Exception as error:  # the store itself fails: the file stays due, and the next sweep comes back to it
            self._complain(f"recording that {display(task.path)} could not be judged", error)

    async def _inspect(self, task: Task) -> tuple[str, ...]:
        """Judge one file; returns the models that it belongs to."""
        opened = await open_to_judge(self._files, self._threads, task.root, task.path)
        if opened.descriptor is None:
            return await self._judge_unopened(task, await self._register.of(task, opened.look), opened.look)
        try:
            return await self._judge_opened(task, opened, opened.descriptor)
        finally:
            await close_in_thread(self._threads, opened.descriptor)

    async def _judge_unopened(self, task: Task, known: Known | None, look: FileLook) -> tuple[str, ...]:
        if known is None:
            return ()
        record = known.state.record
        if look.presence is Presence.ABSENT:
            if await self._mount_points.hides(record.root, record.path):
                return known.model_ids  # not the file is missing, but what it was on: the next sweep tells
            if record.content_id is None and known.state.expected is None and not record.is_essential:
                now = self._clock.now()
                await self._database.write(lambda db: _forget(db, record.id, now))
                return known.model_ids
        heard = await self._hearing.claims_on(known, gather(known.state, look))
        return await self._publish(task, known, heard, record.content_id)

    async def _judge_opened(self, task: Task, opened: OpenedToJudge, descriptor: int) -> tuple[str, ...]:
        look = opened.look
        while look.identity is not None:
            async with self._turns.of(look.identity):  # also while we ask what is known: nobody else makes that untrue
                known = await self._register.of(task, look)
                if known is None:
                    return ()
                if (hindrance := await self._hindrance(known, opened, descriptor)) is not None:
                    if hindrance == BEING_WRITTEN:  # its end is heard sooner, if it comes
                        idle_s = self._age_s(look.identity, by_mtime=True)
                        self._retry_later(task.path, min(LULL_S, max(QUIET_S, idle_s)))
                    evidence = hindered(gather(known.state, look), hindrance)
                    return await self._publish(task, known, Heard(evidence), known.state.record.content_id)
                if task.settled and self._age_s(look.identity) < CLOCK_TICK_S:
                    await self._say_early_word(known.state, look, descriptor)
                look, before = await self._past_tick(look, descriptor), look.identity
                if look.identity == before:
                    return await self._judge_quiet(task, known, look, descriptor)
        return await self._judge_unopened(task, await self._register.of(task, look), look)

    async def _judge_quiet(self, task: Task, known: Known, look: FileLook, descriptor: int) -> tuple[str, ...]:
        """Judge a file of which a later change would show."""
        state, identity = known.state, look.identity
        if identity is None:
            raise ValueError("what was opened has an identity")
        content = await self._register.content(state.record, known.present, identity)
        subject = Subject(task.path, descriptor, content, state.expected, is_swept=not task.priority.is_urgent)
        heard, reading = await self._hear_and_read(task, known, look, subject)
        if heard is None:
            self._retry_later(task.path, QUIET_S)
            return known.model_ids
        is_changed = heard.evidence.unjudged == CHANGED.obstacle
        # What changed while it was read for the first time was not judged: it may vanish again without being missed.
        content_id = state.record.content_id if is_changed and not content.is_whole else content.id
        model_ids = await self._publish(task, known, heard, content_id, reading)
        if is_changed and task.patient:
            self._retry_later(task.path, QUIET_S)
        if _was_only_received(reading) and task.priority is not Priority.DUE:
            await self._queue.put(Task(task.path, task.root, Priority.DUE, full=True))  # no room: the full sweep reads it
        return model_ids

    async def _hindrance(self, known: Known, opened: OpenedToJudge, descriptor: int) -> str | None:
        """Why the file must not be judged yet, if so."""
        was_whole, now_s = known.state.expected is not None, self._clock.now().timestamp()
        if is_in_flight(opened.control, was_whole=was_whole, now_s=now_s):
            return IN_FLIGHT
        if not opened.is_written or not is_being_written(opened.look.identity, was_whole=was_whole, now_s=now_s):
            return None
        for _ in range(MOST_CLOSING):
            if not await self._threads.run(lambda: self._files.is_written(descriptor)):
                return None
            await asyncio.sleep(CLOCK_TICK_S)
        return BEING_WRITTEN

    async def _hear_and_read(
        self, task: Task, known: Known, look: FileLook, subject: Subject
    ) -> tuple[Heard | None, Reading | None]:
        """All evidence on an open file; None if it seems that somebody still writes it."""
        state = known.state
        said = await self._hearing.header(task.path, subject.descriptor)
        evidence = gather(state, look, said.facts, header_misread=said.was_misread)
        if said.obstacle == DISAGREED.obstacle and not await self._is_still(subject):
            return Heard(with_reading(evidence, CHANGED, "")), None
        if said.obstacle is not None:
            return Heard(hindered(evidence, said.obstacle, said.complaint)), None
        if self._seems_under_way(task, evidence):
            return None, None
        with_index = await self._hearing.index_on(state, evidence, subject.descriptor)
        heard = await self._hearing.claims_on(known, with_index, subject.descriptor)
        if said.facts is not None and (heard.after is None or heard.after.identity != subject.content.identity):
            return Heard(with_reading(evidence, CHANGED, "")), None
        if not self._reads_content or not is_worth_reading(heard.evidence):
            return heard, None
        await self._say_first_word(state, heard.evidence, subject.content)
        asked = replace(subject, header=heard.evidence.header, claims=heard.evidence.claims)
        reading, complaint = await self._read(task, state, asked)
        evidence = await self._hearing.home_of(known, with_reading(heard.evidence, reading, complaint))
        return replace(heard, evidence=evidence), reading

    def _seems_under_way(self, task: Task, evidence: FileEvidence) -> bool:
        """A sweep met a file that was written to just now and looks damaged, or cannot be told from a part of itself.

        Perhaps somebody is still writing it: it is judged when it has been quiet for a while.
        """
        if task.settled or not task.patient or task.priority is Priority.REQUESTED:
            return False
        if self._age_s(evidence.look.identity, by_mtime=True) >= QUIET_S:
            return False
        return evidence.header is None or any(not finding.is_advice for finding in judge_file(evidence))

    def _age_s(self, identity: FileIdentity | None, *, by_mtime: bool = False) -> float:
        """Seconds since the file was last written to or changed; large where that lies in the future or is not known."""
        if identity is None:
            return math.inf
        age_s = self._clock.now().timestamp() - (identity.mtime_ns if by_mtime else identity.ctime_ns) / 1e9
        return age_s if age_s >= 0 else math.inf

    async def _say_early_word(self, state: PathState, look: FileLook, descriptor: int) -> None:
        """What the header of a finished file shows, before its time stamps can be relied on; then it is looked at again."""
        if look.identity is None or look.identity.size_bytes == 0:  # whether it may be empty, its sources say
            return
        said = await self._hearing.header(state.record.path, descriptor)
        evidence = gather(state, look, said.facts)
        found = judge_file(evidence)
        if said.facts is not None and any(not finding.is_advice for finding in found) and not may_be_zeros(evidence):
            await self._publisher.judged(Judgement(state.record, look, found, None, is_final=False))

    async def _say_first_word(self, state: PathState, evidence: FileEvidence, content: ContentRecord) -> None:
        """Damage that the header shows already; not of what may be all zeros, which only the whole read tells."""
        found = judge_file(evidence)
        if any(not finding.is_advice for finding in found) and not content.is_whole and not may_be_zeros(evidence):
            await self._publisher.judged(Judgement(state.record, evidence.look, found, content.id, is_final=False))

    async def _publish(
        self, task: Task, known: Known, heard: Heard, content_id: int | None, reading: Reading | None = None
    ) -> tuple[str, ...]:
        evidence, state = heard.evidence, known.state
        found = judge_file(evidence)
        standing = still_standing(state.findings, evidence, found)
        findings = _first_of_each_code((*found, *standing, *heard.findings))
        authority = vouched_by(evidence, findings)
        return await self._publisher.judged(
            Judgement(
                state.record,
                evidence.look,
                findings,
                content_id,
                vouched_by=authority,
                ends_scrub=reading is not None and reading.ends_scrub,
                kind=UNSET if evidence.header is None else evidence.header.kind,
                first=None if reading is None else reading.first,
                verified=() if reading is None else reading.verified,
                ends=frozenset(m for m in known.model_ids if self._queue.holds_of(m) <= task.models.count(m)),
            )
        )

    async def _past_tick(self, look: FileLook, descriptor: int) -> FileLook:
        """Wait until a later write must show in the time stamps, then look again."""
        age_s = self._age_s(look.identity)
        if age_s >= CLOCK_TICK_S:
            return look
        await asyncio.sleep(CLOCK_TICK_S - age_s)
        return await self._threads.run(lambda: self._files.look_open(descriptor))

    async def _is_still(self, subject: Subject) -> bool:
        """Whether the file is in the state that was looked at: else its header may be half of one and half of another."""
        look = await self._threads.run(lambda: self._files.look_open(subject.descriptor))
        return look.identity == subject.content.identity

    async def _read(self, task: Task, state: PathState, subject: Subject) -> tuple[Reading, str]:
        try:
            if not subject.content.is_whole:
                return await self._reader.first_read(subject), ""
            if task.full:
                return await self._reader.scrub(subject, None, since=task.since), ""
            suspects = suspect_blocks(state)
            if suspects and state.record.content_id == subject.content.id:
                return await self._reader.scrub(subject, suspects), ""
            return await self._reader.compare_stored(subject), ""
        except (WorkerFailed, WorkerRefused) as error:
            return Reading(None, error.code), error.message


def _first_of_each_code(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The store keeps one finding of each code for a path."""
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(finding.code, finding)
    return tuple(first.values())


def _forget(connection: Connection, path_id: int, now: datetime) -> None:
    """A file that was seen but never read is no loss: a download moved to its real name."""
    owners = models.of_path(connection, path_id)
    paths.forget(connection, path_id)
    strike_off(connection, now, owners)


def _was_only_received(reading: Reading | None) -> bool:
    """Whether the file was digested as it came in, so that nothing is known yet of what the disk holds."""
    return reading is not None and reading.content is not None and reading.content.assurance is Assurance.AS_RECEIVED
