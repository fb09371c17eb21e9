"""An in-memory HealthFacade with a few models: one sound, one damaged, one with an awkward name, one never looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from wan_healthd.checks.gate import Sight, by_sight, by_verdict
from wan_healthd.domain.alerts import AlertClass
from wan_healthd.domain.callers import Caller
from wan_healthd.domain.digests import Assurance
from wan_healthd.domain.doctor import Diagnosis, idle, ok, problem, warning
from wan_healthd.domain.errors import AlertNotFound, ConfigInvalid, GenerationNotFound, JobNotFound, ModelNotFound
from wan_healthd.domain.events import Event, EventKind
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.findings import Category, Cause, CorruptionType, Finding, Severity
from wan_healthd.domain.gate import Gate
from wan_healthd.domain.generations import Generation, announced
from wan_healthd.domain.paths import printable
from wan_healthd.domain.pauses import Pause
from wan_healthd.domain.process import LogLevel
from wan_healthd.domain.scoring import score_of, status_of, worst_severity
from wan_healthd.domain.verdicts import CorruptionReport, HealthStatus, IntegrityResult, SystemHealthReport
from wan_healthd.wire.answers import (
    SCHEMA,
    ActivityRow,
    AlertRow,
    AlertsAnswer,
    ErrorBody,
    EventsAnswer,
    FileRow,
    FilesAnswer,
    JobRow,
    JobsAnswer,
    ModelRow,
    ModelsAnswer,
    StatusAnswer,
    SweepRow,
    SweepsAnswer,
    TimerRow,
)
from wan_healthd.wire.doctor import DoctorAnswer
from wan_healthd.wire.generations import GenerationEndAnswer, GenerationsAnswer, GenerationStart
from wan_healthd.wire.requests import AlertsQuery, EventsQuery

NOW = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)
STREAM = "5f0e5d8e"
SHARD = 9_995_661_736

SOUND = "wan2.2-ti2v-5b"
DAMAGED = "Wan-AI/Wan2.2-T2V-A14B"
AWKWARD = "odd/mödel \x1b[31m%2F"
UNREAD = "fresh"


class FakeFacade:
    """Answers at once from memory. `trusted` records every call of `trust`; `hold` keeps jobs running until it is set."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[FileRow, ...]] = {
            SOUND: (_file("/srv/models/ti2v/config.json", 251), _file("/srv/models/ti2v/model.safetensors", SHARD)),
            DAMAGED: (
                _file("/srv/models/Wan2.2-T2V-A14B/config.json", 250),
                _file("/srv/models/Wan2.2-T2V-A14B/high_noise_model/model-00001-of-00006.safetensors", SHARD, flipped_bit()),
                _file("/srv/models/Wan2.2-T2V-A14B/high_noise_model/model-00002-of-00006.safetensors", SHARD - 1, cut_off()),
            ),
            AWKWARD: (_file("/srv/models/odd/w.safetensors", 1000),),
            UNREAD: (_unread_file("/srv/models/fresh/w.safetensors", 4096),),
        }
        self.issues: tuple[Finding, ...] = ()
        self.alerts: tuple[AlertRow, ...] = (_alert(3), _alert(2, cleared_at=NOW))
        self.diagnoses: tuple[Diagnosis, ...] = _DIAGNOSES
        self.trusted: list[tuple[str, tuple[str, ...], Caller, str]] = []
        self.jobs: list[JobRow] = []
        self.generations: list[Generation] = []
        self.paused: Pause | None = None
        self.log_level = LogLevel.INFO
        self.config_fault: str | None = None
        self.reloads = 0
        self.hold = False
        self.failure: ErrorBody | None = None
        self._events = [_event(seq, kind, model) for seq, kind, model in _HISTORY]
        self._news = asyncio.Event()

    async def status(self) -> StatusAnswer:
        models = (await self.list_models()).models
        worst = max((row.status for row in models), key=_WORSE.index, default=HealthStatus.HEALTHY)
        return StatusAnswer(
            schema=SCHEMA,
            version="0.1.0",
            started_at=NOW - timedelta(days=3),
            now=NOW,
            status=HealthStatus.UNKNOWN if self.issues and worst is HealthStatus.HEALTHY else worst,
            overall_health_score=_mean([row.score for row in models]),
            models=models,
            unclaimed_count=2,
            issues=self.issues,
            activity=ActivityRow(queued=1, reading=("/srv/models/fresh/w.safetensors",), bytes_read=123_456_789),
            timers=_TIMERS,
            last_event=self._events[-1].seq,
            sweeps=(await self.list_sweeps()).sweeps,
            paused=self.paused,
        )

    async def doctor(self, *, network: bool = False) -> DoctorAnswer:
        hub = ok("hub", "huggingface.co answers") if network else idle("hub", "not asked ([hub] lookup = false)")
        return DoctorAnswer(SCHEMA, "0.1.0", (*self.diagnoses, hub))

    async def list_models(self) -> ModelsAnswer:
        return ModelsAnswer(SCHEMA, tuple(_row(model_id, self._verdict(model_id)) for model_id in self.files))

    async def get_model(self, model_id: str) -> IntegrityResult:
        return self._verdict(model_id)

    async def list_files(self, model_id: str) -> FilesAnswer:
        self._verdict(model_id)
        return FilesAnswer(SCHEMA, model_id, self.files[model_id])

    async def get_corruption(self, model_id: str) -> CorruptionReport:
        findings = self._verdict(model_id).issues
        damage = [finding for finding in findings if not finding.is_advice]
        return CorruptionReport(
            model_id=model_id,
            corruption_detected=bool(damage),
            corruption_types=tuple(dict.fromkeys(item.corruption_type for item in damage if item.corruption_type)),
            affected_files=tuple(dict.fromkeys(item.path for item in damage if item.path)),
            severity=worst_severity(findings),
            repair_possible=False,
            repair_actions=tuple(dict.fromkeys(item.suggestion for item in damage)),
            detection_time=NOW,
        )

    async def gate(self, model_id: str) -> Gate:
        verdict = self._verdict(model_id)
        return by_verdict(verdict) or by_sight(verdict, Sight())

    async def get_health_report(self) -> SystemHealthReport:
        verdicts = tuple(self._verdict(model_id) for model_id in self.files)
        counts = {status: sum(item.health_status is status for item in verdicts) for status in HealthStatus}
        return SystemHealthReport(
            overall_health_score=_mean([item.integrity_score for item in verdicts]),
            models_healthy=counts[HealthStatus.HEALTHY],
            models_degraded=counts[HealthStatus.DEGRADED],
            models_corrupted=counts[HealthStatus.CORRUPTED],
            models_missing=counts[HealthStatus.MISSING],
            models_unknown=counts[HealthStatus.UNKNOWN],
            storage_usage_percent=41.5,
            recommendations=("download the damaged files again",),
            detailed_reports=verdicts,
            last_updated=NOW,
        )

    async def list_events(self, query: EventsQuery) -> EventsAnswer:
        found = self._after(query)
        if not found and query.wait_s:
            try:
                async with asyncio.timeout(query.wait_s):
                    await self._news.wait()
            except TimeoutError:
                pass
            found = self._after(query)
        page = found[: query.limit]
        last = page[-1].seq if page else (query.since or 0)
        return EventsAnswer(SCHEMA, STREAM, last, tuple(page))

    async def start_check(self, model_id: str, *, full: bool = False) -> JobRow:
        verdict = self._verdict(model_id)
        self.jobs.append(
            JobRow(
                id=len(self.jobs) + 1,
                kind="full-check" if full else "check",
                model_id=model_id,
                state="running",
                started_at=NOW,
                finished_at=None,
                done_bytes=0,
                total_bytes=round(verdict.total_size_mb * 1e6),
                result=None,
                error=None,
            )
        )
        return self.jobs[-1]

    async def get_job(self, job_id: int) -> JobRow:
        if not 0 < job_id <= len(self.jobs):
            raise JobNotFound(f"cannot find the job {job_id}", "see `healthctl jobs`")
        if not self.hold:
            self.jobs[job_id - 1] = self._finished(self.jobs[job_id - 1])
        return self.jobs[job_id - 1]

    async def list_jobs(self) -> JobsAnswer:
        return JobsAnswer(SCHEMA, tuple(self.jobs), _TIMERS)

    async def list_sweeps(self) -> SweepsAnswer:
        running = tuple(SweepRow(job.kind, NOW, 100, 60) for job in self.jobs if job.model_id is None)
        return SweepsAnswer(SCHEMA, running, ("incremental-sweep",) if self.paused else (), self.paused, _TIMERS)

    async def start_sweep(self, *, full: bool = False) -> JobRow:
        kind = "full-sweep" if full else "sweep"
        self.jobs.append(JobRow(len(self.jobs) + 1, kind, None, "running", NOW, None, 0, 0, None, None))
        return self.jobs[-1]

    async def pause_sweeps(self, caller: Caller, reason: str) -> SweepsAnswer:
        self.paused = Pause(NOW, caller.uid, reason)
        return await self.list_sweeps()

    async def resume_sweeps(self, caller: Caller) -> SweepsAnswer:
        self.paused = None
        return await self.list_sweeps()

    async def list_generations(self) -> GenerationsAnswer:
        return GenerationsAnswer(SCHEMA, tuple(row for row in self.generations if row.ended_at is None))

    async def start_generation(self, start: GenerationStart, caller: Caller) -> Generation:
        begun = announced(
            model_id=start.model,
            uid=caller.uid,
            pid=caller.pid,
            note=start.note,
            expected_s=start.expected_seconds,
            expires_in_s=start.expires_in_seconds,
            now=NOW,
        )
        self.generations.append(replace(begun, id=len(self.generations) + 1))
        return self.generations[-1]

    async def renew_generation(self, number: int, expires_in_s: float) -> Generation:
        if self._generation(number).ended_at is not None:
            raise GenerationNotFound(f"cannot renew generation {number}: it has ended", "list them with `healthctl generation`")
        renewed = replace(self._generation(number), expires_at=NOW + timedelta(seconds=expires_in_s))
        self.generations[number - 1] = renewed
        return renewed

    async def end_generation(self, number: int) -> GenerationEndAnswer:
        known = self._generation(number)
        self.generations[number - 1] = replace(known, ended_at=known.ended_at or NOW)
        return GenerationEndAnswer(SCHEMA, self.generations[number - 1], known.ended_at is None)

    def _generation(self, number: int) -> Generation:
        if not 0 < number <= len(self.generations):
            raise GenerationNotFound(f"cannot find generation {number}", "list them with `healthctl generation`")
        return self.generations[number - 1]

    async def list_alerts(self, query: AlertsQuery) -> AlertsAnswer:
        return AlertsAnswer(SCHEMA, self.alerts[: query.limit])

    async def acknowledge_alert(self, number: int, caller: Caller) -> AlertRow:
        if number not in {row.id for row in self.alerts}:
            raise AlertNotFound(f"cannot acknowledge alert {number}: there is none of that number", "see `healthctl alert`")
        self.alerts = tuple(
            replace(row, acked_at=NOW, acked_by=caller.uid, next_reminder_at=None) if row.id == number else row
            for row in self.alerts
        )
        return next(row for row in self.alerts if row.id == number)

    async def test_alerts(self, kind: str | None) -> tuple[str, ...]:
        return ("corruption-found", "model-degraded") if kind is None else (kind,)

    async def trust(self, model_id: str, files: Sequence[str], caller: Caller, reason: str) -> IntegrityResult:
        self._verdict(model_id)
        self.trusted.append((model_id, tuple(files), caller, reason))
        self.files[model_id] = tuple(
            replace(row, status=HealthStatus.HEALTHY, findings=()) if not files or row.path in files else row
            for row in self.files[model_id]
        )
        return self._verdict(model_id)

    async def set_log_level(self, level: LogLevel) -> None:
        self.log_level = level

    async def reload(self) -> int:
        if self.config_fault is not None:
            raise ConfigInvalid(self.config_fault, "correct the file")
        self.reloads += 1
        last = self._events[-1].seq
        self.tell(EventKind.CONFIG_RELOADED, SOUND)
        return last

    def tell(self, kind: EventKind, model_id: str) -> None:
        """One more event; wakes those who wait."""
        self._events.append(_event(self._events[-1].seq + 1, kind, model_id))
        self._news.set()

    def lose_root(self) -> None:
        """From now on a root cannot be reached."""
        self.issues = (root_unreachable(),)

    def _after(self, query: EventsQuery) -> list[Event]:
        if query.since_time is not None:
            return [event for event in self._events if event.at > query.since_time]
        return [event for event in self._events if event.seq > (query.since or 0)]

    def _verdict(self, model_id: str) -> IntegrityResult:
        if model_id not in self.files:
            raise ModelNotFound(f"cannot find the model {printable(model_id)}", "see `healthctl status` for the models")
        rows = self.files[model_id]
        findings = [finding for row in rows for finding in row.findings]
        if any(row.assurance is None for row in rows):
            findings.append(not_yet_read())
        status = status_of(findings)
        return IntegrityResult(
            model_id=model_id,
            is_healthy=status is HealthStatus.HEALTHY,
            health_status=status,
            integrity_score=score_of(findings),
            issues=tuple(findings),
            corruption_types=tuple(dict.fromkeys(item.corruption_type for item in findings if item.corruption_type)),
            repair_suggestions=tuple(dict.fromkeys(item.suggestion for item in findings)),
            can_auto_repair=False,
            file_count=len(rows),
            total_size_mb=sum(row.size_bytes or 0 for row in rows) / 1e6,
            checksum=None if findings else "ab" * 32,
            last_checked=None if status is HealthStatus.UNKNOWN else NOW - timedelta(minutes=5),
        )

    def _finished(self, job: JobRow) -> JobRow:
        if job.state != "running":
            return job
        if self.failure is not None:
            return replace(job, state="failed", finished_at=NOW, error=self.failure)
        result = None if job.model_id is None else self._verdict(job.model_id)
        return replace(job, state="done", finished_at=NOW, done_bytes=job.total_bytes, result=result)


def _alert(number: int, cleared_at: datetime | None = None) -> AlertRow:
    finding = flipped_bit()
    return AlertRow(
        id=number,
        kind="corruption-found",
        alert_class=AlertClass.CRITICAL,
        message=finding.message,
        model_id=DAMAGED,
        path=finding.path,
        code=finding.code,
        severity=finding.severity,
        suggestion=finding.suggestion,
        opened_at=NOW - timedelta(days=2),
        told_at=NOW - timedelta(days=1),
        times_told=2,
        next_reminder_at=None if cleared_at else NOW + timedelta(days=1),
        acked_at=None,
        acked_by=None,
        cleared_at=cleared_at,
        folded=False,
    )


def flipped_bit() -> Finding:
    """Content damage in two places, with tensors."""
    return Finding(
        code="checksum-mismatch",
        category=Category.FORMAT,
        corruption_type=CorruptionType.CHECKSUM_MISMATCH,
        severity=Severity.HIGH,
        path="/srv/models/Wan2.2-T2V-A14B/high_noise_model/model-00001-of-00006.safetensors",
        message="model-00001-of-00006.safetensors differs from its baseline in 3 blocks (3.1 MB): nobody wrote these bytes",
        suggestion="download the file again, and look at the disk (`smartctl -a`)",
        ranges=(ByteRange(17 << 20, 2 << 20), ByteRange(9000 << 20, 1 << 20)),
        tensors=tuple(f"blocks.{number}.ffn.0.weight" for number in range(17, 22)),
        cause=Cause.DISK,
        first_seen=NOW - timedelta(hours=2),
    )


def cut_off() -> Finding:
    """A file that is one byte short."""
    return Finding(
        code="file-truncated",
        category=Category.FORMAT,
        corruption_type=CorruptionType.INCOMPLETE_DOWNLOAD,
        severity=Severity.HIGH,
        path="/srv/models/Wan2.2-T2V-A14B/high_noise_model/model-00002-of-00006.safetensors",
        message=f"model-00002-of-00006.safetensors is cut off after {SHARD - 1} of {SHARD} bytes",
        suggestion="download the file again",
    )


def not_yet_read() -> Finding:
    """Advice that keeps a model from being healthy; the code is one that the scoring knows."""
    return Finding(
        code="not-yet-read",
        category=Category.SYSTEM,
        corruption_type=None,
        severity=Severity.LOW,
        path=None,
        message="1 of 1 files was not read yet",
        suggestion="wait for the sweep, or check now with `healthctl check MODEL`",
    )


def root_unreachable() -> Finding:
    """A finding that belongs to no model."""
    return Finding(
        code="root-unreachable",
        category=Category.STORAGE,
        corruption_type=None,
        severity=Severity.HIGH,
        path=None,
        message="cannot look at the folder /mnt/usb: Input/output error",
        suggestion="mount the file system",
    )


def job_failure() -> ErrorBody:
    """Why a check may fail."""
    return ErrorBody("worker-failed", Category.SYSTEM, "cannot check: the digest worker ended", "look at the log")


_WORSE = [HealthStatus.HEALTHY, HealthStatus.UNKNOWN, HealthStatus.DEGRADED, HealthStatus.CORRUPTED, HealthStatus.MISSING]
_DIAGNOSES = (
    ok("root", "4201 files in 37 folders can be read", "/srv/models"),
    problem("root", "it is not there", "mount it (`findmnt /mnt/usb`), make it, or correct [[roots]] and reload", "/mnt/usb"),
    ok("direct-reading", "ext4 is read past the page cache (O_DIRECT, in blocks of 512 bytes)", "/srv/models"),
    warning("inotify", "7000 watches used, 8192 may be: soon no further folder can be watched", "`sysctl -w limit=524288`"),
    ok("worker", "process 4712 answers"),
)
_TIMERS = (
    TimerRow("incremental-sweep", NOW + timedelta(hours=1), NOW - timedelta(hours=23)),
    TimerRow("full-sweep", None, None),
)
_HISTORY = (
    (1, EventKind.DAEMON_STARTED, None),
    (2, EventKind.MODEL_APPEARED, SOUND),
    (3, EventKind.FINDING_CLEARED, SOUND),
    (7, EventKind.FINDING_OPENED, DAMAGED),
    (8, EventKind.STATUS_CHANGED, DAMAGED),
)


def _event(seq: int, kind: EventKind, model_id: str | None) -> Event:
    return Event(
        stream=STREAM,
        seq=seq,
        at=NOW - timedelta(hours=3) + timedelta(minutes=seq),
        kind=kind,
        message=f"{kind.value.replace('-', ' ')}: {printable(model_id or 'wan-healthd')}",
        model_id=model_id,
        finding=flipped_bit() if kind is EventKind.FINDING_OPENED else None,
        status=HealthStatus.CORRUPTED if kind is EventKind.STATUS_CHANGED else None,
    )


def _file(path: str, size_bytes: int, *findings: Finding) -> FileRow:
    return FileRow(
        path=path,
        size_bytes=size_bytes,
        status=status_of(findings),
        sha256="0123456789abcdef" * 4,
        verified_by=VerifiedBy.BASELINE,
        assurance=Assurance.DISK,
        last_read_at=NOW - timedelta(days=2),
        findings=findings,
    )


def _unread_file(path: str, size_bytes: int) -> FileRow:
    return FileRow(
        path=path,
        size_bytes=size_bytes,
        status=HealthStatus.UNKNOWN,
        sha256=None,
        verified_by=VerifiedBy.NONE,
        assurance=None,
        last_read_at=None,
        findings=(),
    )


def _row(model_id: str, verdict: IntegrityResult) -> ModelRow:
    return ModelRow(
        id=model_id,
        layout="folder",
        path=f"/srv/models/{printable(model_id)}",
        status=verdict.health_status,
        score=verdict.integrity_score,
        file_count=verdict.file_count,
        size_bytes=round(verdict.total_size_mb * 1e6),
        issue_count=len(verdict.issues),
        last_checked=verdict.last_checked,
        oldest_read_at=NOW - timedelta(days=2) if verdict.last_checked else None,
    )


def _mean(scores: Sequence[float]) -> float:
    return round(sum(scores) / len(scores), 4) if scores else 1.0
