"""Answers: what the store and the services know, in the shapes that clients get."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import UNSET

from wan_healthd.checks.orphans import orphan_findings
from wan_healthd.checks.root_reach import root_finding
from wan_healthd.checks.state_reach import state_finding
from wan_healthd.domain.catalogue import FILE_MISSING
from wan_healthd.domain.coverage import Extent, bytes_verified
from wan_healthd.domain.digests import Assurance, weakest
from wan_healthd.domain.errors import ModelNotFound
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.partials import Partial
from wan_healthd.domain.paths import base64_if_needed, display
from wan_healthd.domain.politeness import MadeWay, Yielding
from wan_healthd.domain.ports import Clock
from wan_healthd.domain.scoring import overall_score, status_of
from wan_healthd.domain.verdicts import HealthStatus, IntegrityResult, SystemHealthReport
from wan_healthd.domain.watching import RootWatch, WatchMode
from wan_healthd.services.activity import Activity
from wan_healthd.services.conduct import Conductor
from wan_healthd.services.crew import Crew
from wan_healthd.services.feed import Feed
from wan_healthd.services.patrol import Patrol
from wan_healthd.services.pause import Pauses
from wan_healthd.services.queue import WorkQueue
from wan_healthd.services.schedule import Schedule
from wan_healthd.services.shared import Shared
from wan_healthd.services.storage import StorageWatch
from wan_healthd.store import alerts, contents, events, models, partials, roots, timers
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.records import ContentRecord, ModelRecord, PathState
from wan_healthd.version import __version__
from wan_healthd.wire.answers import (
    SCHEMA,
    ActivityRow,
    EventsAnswer,
    FileRow,
    FilesAnswer,
    ModelRow,
    ModelsAnswer,
    PartialRow,
    StatusAnswer,
    SweepRow,
    SweepsAnswer,
    TimerRow,
    WatchingRow,
)
from wan_healthd.wire.requests import EventsQuery

WORST_FIRST = (
    HealthStatus.MISSING,
    HealthStatus.CORRUPTED,
    HealthStatus.DEGRADED,
    HealthStatus.UNKNOWN,
    HealthStatus.HEALTHY,
)


class Overview:
    """Reads only; nothing here waits for the disk or the queue.

    Args:
        usage_percent: 0..100 of the fullest file system among the given folders; None if unknown. Awaited, since a dead
            network mount may keep it waiting.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        queue: WorkQueue,
        activity: Activity,
        conductor: Conductor,
        schedule: Schedule,
        patrol: Patrol,
        pauses: Pauses,
        yielding: Callable[[], Yielding | None] = lambda: None,
        made_way: Callable[[], tuple[MadeWay, ...]] = tuple,
        advice: Callable[[], tuple[Finding, ...]] = tuple,
        feed: Feed,
        storage: StorageWatch,
        usage_percent: Callable[[], Awaitable[float | None]],
        crew: Crew,
    ) -> None:
        self._database = database
        self._clock = clock
        self._queue = queue
        self._activity = activity
        self._conductor = conductor
        self._schedule = schedule
        self._patrol = patrol
        self._pauses = pauses
        self._yielding = yielding
        self._made_way = made_way
        self._advice = advice
        self._feed = feed
        self._storage = storage
        self._usage_percent = usage_percent
        self._started_at = clock.now()
        self._status = Shared(self._make_status, crew)

    async def status(self) -> StatusAnswer:
        """Everything at a glance. What is asked for most, and by many at once, is made once for all of them."""
        return await self._status.get()

    async def _make_status(self) -> StatusAnswer:
        now = self._clock.now()
        records, lost, orphans, last_event, alert_counts, last_runs = await self._database.read(
            lambda db: (
                models.everything(db),
                roots.lost(db),
                partials.orphans_of_nobody(db, now.timestamp()),
                events.last_number(db),
                alerts.counts(db),
                timers.last_runs(db),
            )
        )
        rows = tuple(_model_row(record) for record in records)
        out_of_reach = [root_finding(root, errno_name) for root, errno_name in sorted(lost.items())]
        trouble = self._database.standing.trouble
        if trouble is not None:
            out_of_reach.append(state_finding(trouble.cause, trouble.cure))
        statuses = [row.status for row in rows] + [HealthStatus.UNKNOWN for _ in out_of_reach]
        return StatusAnswer(
            schema=SCHEMA,
            version=__version__,
            started_at=self._started_at,
            now=now,
            status=min(statuses, key=WORST_FIRST.index, default=HealthStatus.HEALTHY),
            overall_health_score=overall_score([row.score for row in rows]),
            models=rows,
            unclaimed_count=self._conductor.unclaimed_count,
            issues=(*out_of_reach, *self._storage.findings, *self._advice(), *orphan_findings(orphans, now.timestamp())),
            activity=ActivityRow(
                queued=len(self._queue),
                reading=tuple(display(path) for path in self._activity.reading),
                bytes_read=self._activity.bytes_read,
            ),
            timers=self._timers(last_runs),
            last_event=last_event,
            sweeps=self._sweeps(),
            paused=self._pauses.present,
            watching=tuple(_watching_row(*found) for found in self._patrol.reports()),
            alerts_open=alert_counts[0],
            alerts_acknowledged=alert_counts[1],
            yielding=self._yielding(),
        )

    async def sweeps(self) -> SweepsAnswer:
        """The sweeps under way, the pause in force, the timers, and what sweeps make way for."""
        return SweepsAnswer(
            SCHEMA,
            self._sweeps(),
            self._conductor.waiting_sweeps,
            self._pauses.present,
            await self.timers(),
            self._yielding(),
            self._made_way(),
        )

    def _sweeps(self) -> tuple[SweepRow, ...]:
        return tuple(
            SweepRow(running.name, running.began, running.ticket.issued, running.ticket.left)
            for running in self._conductor.running
        )

    async def models(self) -> ModelsAnswer:
        """A row for each model."""
        records = await self._database.read(models.everything)
        return ModelsAnswer(SCHEMA, tuple(_model_row(record) for record in records))

    async def result(self, model_id: str) -> IntegrityResult:
        """The present verdict of one model.

        Raises:
            ModelNotFound: no model has that id.
        """
        record = await self._database.read(lambda db: models.get(db, model_id))
        if record is None or record.result is None:
            raise ModelNotFound(f"cannot show {model_id}: no model has that id", "list the models with `healthctl status`")
        return record.result

    async def files(self, model_id: str) -> FilesAnswer:
        """Every file of one model.

        Raises:
            ModelNotFound: no model has that id.
        """

        def read(connection: Connection) -> FilesAnswer | None:
            if models.get(connection, model_id) is None:
                return None
            rows = tuple(_file_row(connection, state) for state in models.files(connection, model_id))
            return FilesAnswer(SCHEMA, model_id, rows, tuple(map(_partial_row, partials.of_model(connection, model_id))))

        answer = await self._database.read(read)
        if answer is None:
            raise ModelNotFound(f"cannot show {model_id}: no model has that id", "list the models with `healthctl status`")
        return answer

    async def report(self) -> SystemHealthReport:
        """All models in detail."""
        records = await self._database.read(models.everything)
        results = tuple(record.result for record in records if record.result is not None)
        counts = {status: sum(1 for r in results if r.health_status is status) for status in HealthStatus}
        return SystemHealthReport(
            overall_health_score=overall_score([result.integrity_score for result in results]),
            models_healthy=counts[HealthStatus.HEALTHY],
            models_degraded=counts[HealthStatus.DEGRADED],
            models_corrupted=counts[HealthStatus.CORRUPTED],
            models_missing=counts[HealthStatus.MISSING],
            models_unknown=counts[HealthStatus.UNKNOWN],
            storage_usage_percent=await self._usage_percent(),
            recommendations=tuple(
                dict.fromkeys(f"{r.model_id}: {suggestion}" for r in results for suggestion in r.repair_suggestions)
            ),
            detailed_reports=results,
            last_updated=self._clock.now(),
        )

    async def events(self, query: EventsQuery) -> EventsAnswer:
        """Stored events; where there are none, waits `wait_s` for the next."""
        start = await self._start_of(query)
        deadline = self._clock.monotonic() + query.wait_s
        while True:
            seen = self._feed.stirs
            found, first = await self._database.read(
                lambda db: (events.since(db, self._database.stream, start, query.limit), events.first_number(db))
            )
            left_s = deadline - self._clock.monotonic()
            if found or left_s <= 0:
                break
            await self._feed.next_news(left_s, since=seen)
        return EventsAnswer(SCHEMA, self._database.stream, found[-1].seq if found else start, found, first)

    async def timers(self) -> tuple[TimerRow, ...]:
        """The scheduled sweeps."""
        return self._timers(await self._database.read(timers.last_runs))

    def _timers(self, last_runs: Mapping[str, datetime]) -> tuple[TimerRow, ...]:
        next_runs = self._schedule.next_runs()
        return tuple(TimerRow(name, next_runs.get(name), last_runs.get(name)) for name in sorted({*last_runs, *next_runs}))

    async def _start_of(self, query: EventsQuery) -> int:
        since_time = query.since_time
        if query.since is not None or since_time is None:
            return query.since or 0
        return await self._database.read(lambda db: events.number_before(db, since_time))


def _watching_row(report: RootWatch, mode: WatchMode, polled: tuple[bytes, ...]) -> WatchingRow:
    exact = base64_if_needed(report.root)
    return WatchingRow(
        root=display(report.root),
        root_b64=UNSET if exact is None else exact,
        mode=mode,
        folders_watched=report.folders,
        folders_not_watched=report.unwatched,
        is_polled=report.root in polled,
        folders_polled=len(polled),
        reasons=(
            *((report.errno_name,) if report.errno_name is not None else ()),
            *dict.fromkeys(f"{place.kind}: {place.why}" for place in report.eventless),
        ),
    )


def _model_row(record: ModelRecord) -> ModelRow:
    result = record.result
    exact = base64_if_needed(record.model.path)
    return ModelRow(
        id=record.model.id,
        layout=record.model.layout.value,
        path=display(record.model.path),
        path_b64=UNSET if exact is None else exact,
        status=HealthStatus.UNKNOWN if result is None else result.health_status,
        score=0.0 if result is None else result.integrity_score,
        file_count=0 if result is None else result.file_count,
        size_bytes=record.size_bytes,
        issue_count=0 if result is None else len(result.issues),
        last_checked=record.checked_at,
        oldest_read_at=record.oldest_read_at,
    )


def _file_row(connection: Connection, state: PathState) -> FileRow:
    record, content = state.record, state.content
    extents = () if content is None else contents.extents(connection, content.id)
    exact = base64_if_needed(record.path)
    whole = content is not None and content.is_whole
    return FileRow(
        path=display(record.path),
        path_b64=UNSET if exact is None else exact,
        size_bytes=None if content is None else content.identity.size_bytes,
        status=file_status(state),
        sha256=content.sha256 if content is not None else None,
        verified_by=state.expected.expectation.source if state.expected is not None and whole else VerifiedBy.NONE,
        assurance=_assurance(extents) if whole else None,
        last_read_at=_oldest(extents) if whole else None,
        findings=state.findings,
        from_disk_bytes=_from_disk(extents, content) if whole and content is not None else 0,
    )


def _partial_row(partial: Partial) -> PartialRow:
    exact = base64_if_needed(partial.path)
    written_at = datetime.fromtimestamp(partial.written_s, UTC)
    return PartialRow(display(partial.path), partial.size_bytes, written_at, UNSET if exact is None else exact)


def file_status(state: PathState) -> HealthStatus:
    """The status of one file by itself."""
    if any(finding.code == FILE_MISSING.code for finding in state.findings):
        return HealthStatus.MISSING
    if state.record.judged_at is None:
        return HealthStatus.UNKNOWN
    return status_of(state.findings)


def _assurance(extents: Sequence[Extent]) -> Assurance | None:
    return weakest(frozenset(extent.assurance for extent in extents))


def _from_disk(extents: Sequence[Extent], content: ContentRecord) -> int:
    return bytes_verified(extents, content.identity.size_bytes, Assurance.DISK)


def _oldest(extents: Sequence[Extent]) -> datetime | None:
    return min((extent.verified_at for extent in extents), default=None)
