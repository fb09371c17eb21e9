"""Response bodies of the control API. Every list stands under a key of its own name; `schema` is the body's version."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from wan_healthd.domain.alerts import AlertClass
from wan_healthd.domain.digests import Assurance
from wan_healthd.domain.events import Event
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.findings import Category, Finding, Severity
from wan_healthd.domain.gate import Gate
from wan_healthd.domain.pauses import Pause
from wan_healthd.domain.politeness import MadeWay, Yielding
from wan_healthd.domain.process import LogLevel
from wan_healthd.domain.verdicts import CorruptionReport, HealthStatus, IntegrityResult, SystemHealthReport
from wan_healthd.domain.watching import WatchMode

SCHEMA = 1


class ModelRow(Struct, frozen=True):
    """One model at a glance. `oldest_read_at`: when its stalest byte was last verified from disk; None if one never was."""

    id: str
    layout: str
    path: str
    status: HealthStatus
    score: float
    file_count: int
    size_bytes: int
    issue_count: int
    last_checked: datetime | None
    oldest_read_at: datetime | None
    path_b64: str | UnsetType = UNSET


class ActivityRow(Struct, frozen=True):
    """What the daemon does right now. `reading` are display paths of the files under way."""

    queued: int
    reading: tuple[str, ...]
    bytes_read: int
    """Since the daemon started."""


class TimerRow(Struct, frozen=True):
    """One scheduled job; `last_run` None if it never ran on this state."""

    name: str
    next_run: datetime | None
    last_run: datetime | None


class SweepRow(Struct, frozen=True):
    """A sweep of all roots under way; more files are found while it walks. A full one may have begun before a restart."""

    name: str
    began_at: datetime
    files_found: int
    files_left: int


class WatchingRow(Struct, frozen=True):
    """How changes below one root are noticed.

    Args:
        mode: as configured: "auto", "inotify" or "poll".
        folders_watched, folders_not_watched: by inotify; 0 where nothing is watched yet, or by configuration.
        is_polled: whether all of the root is looked at again every `[sweep] poll_every`.
        folders_polled: topmost folders that are; 1 where it is the root.
        reasons: why: the system's refusal ("ENOSPC"), or file systems that do not tell every change.
    """

    root: str
    mode: WatchMode
    folders_watched: int
    folders_not_watched: int
    is_polled: bool
    folders_polled: int
    reasons: tuple[str, ...]
    root_b64: str | UnsetType = UNSET


class StatusAnswer(Struct, frozen=True):
    """`GET /v1/status`. `status` is the worst of the models'; HEALTHY where there are none and nothing else is wrong.

    `issues` belong to no model: a root that cannot be reached, an unfinished download that nobody goes on with.
    """

    schema: int
    version: str
    started_at: datetime
    now: datetime
    status: HealthStatus
    overall_health_score: float
    models: tuple[ModelRow, ...]
    unclaimed_count: int
    issues: tuple[Finding, ...]
    activity: ActivityRow
    timers: tuple[TimerRow, ...]
    last_event: int
    sweeps: tuple[SweepRow, ...] = ()
    paused: Pause | None = None
    watching: tuple[WatchingRow, ...] = ()
    alerts_open: int = 0
    alerts_acknowledged: int = 0
    yielding: Yielding | None = None


class ModelsAnswer(Struct, frozen=True):
    """`GET /v1/models`."""

    schema: int
    models: tuple[ModelRow, ...]


class ModelAnswer(Struct, frozen=True):
    """`GET /v1/models/{id}`."""

    schema: int
    model: IntegrityResult


class FileRow(Struct, frozen=True):
    """One file of a model.

    Args:
        status: of this file alone.
        sha256: of the content as last read whole; None if it was not.
        verified_by: the authority that its content was compared with.
        assurance: the weakest proof among its bytes; None if never read.
        last_read_at: when the stalest of its bytes was last verified.
        findings: what is wrong with it, with damaged ranges and tensors.
        from_disk_bytes: how many of its bytes were last verified from the disk itself; fewer than all where the proof is mixed.
    """

    path: str
    size_bytes: int | None
    status: HealthStatus
    sha256: str | None
    verified_by: VerifiedBy
    assurance: Assurance | None
    last_read_at: datetime | None
    findings: tuple[Finding, ...]
    path_b64: str | UnsetType = UNSET
    from_disk_bytes: int = 0


class PartialRow(Struct, frozen=True):
    """An unfinished download or copy, which is not judged; `size_bytes` is what it takes on the disk."""

    path: str
    size_bytes: int
    written_at: datetime
    path_b64: str | UnsetType = UNSET


class FilesAnswer(Struct, frozen=True):
    """`GET /v1/models/{id}/files`. `partials` are the largest of what is unfinished, under way or given up."""

    schema: int
    model_id: str
    files: tuple[FileRow, ...]
    partials: tuple[PartialRow, ...] = ()


class CorruptionAnswer(Struct, frozen=True):
    """`GET /v1/models/{id}/corruption`."""

    schema: int
    corruption: CorruptionReport


class GateAnswer(Struct, frozen=True):
    """`GET /v1/models/{id}/gate`."""

    schema: int
    gate: Gate


class ReportAnswer(Struct, frozen=True):
    """`GET /v1/report`."""

    schema: int
    report: SystemHealthReport


class EventsAnswer(Struct, frozen=True):
    """`GET /v1/events`: ascending; ask again with `since=last_event` of this answer. `stream` changes with the store.

    `first_event` is the oldest that is kept, 0 where none is: whoever asks for older ones gets what there is.
    """

    schema: int
    stream: str
    last_event: int
    events: tuple[Event, ...]
    first_event: int = 0


class JobRow(Struct, frozen=True):
    """Long work. `state` is "running", "done", "failed" or "cancelled"; `done_bytes` of `total_bytes` is read.

    `model_id` is null for a sweep. `result` stands when a check is done, `error` when it failed.
    """

    id: int
    kind: str
    model_id: str | None
    state: str
    started_at: datetime
    finished_at: datetime | None
    done_bytes: int
    total_bytes: int
    result: IntegrityResult | None
    error: ErrorBody | None


class JobAnswer(Struct, frozen=True):
    """`GET /v1/jobs/{id}`, and the 202 of everything that takes long."""

    schema: int
    job: JobRow


class JobsAnswer(Struct, frozen=True):
    """`GET /v1/jobs`: what runs and ran lately, and the timers."""

    schema: int
    jobs: tuple[JobRow, ...]
    timers: tuple[TimerRow, ...]


class SweepsAnswer(Struct, frozen=True):
    """`GET /v1/sweeps`: the sweeps under way and those that wait, the pause in force, and when the next ones are due.

    `made_way`: for what those that were due have made way since the daemon's start, the longest first.
    """

    schema: int
    sweeps: tuple[SweepRow, ...]
    waiting: tuple[str, ...]
    paused: Pause | None
    timers: tuple[TimerRow, ...]
    yielding: Yielding | None = None
    made_way: tuple[MadeWay, ...] = ()


class AlertRow(Struct, frozen=True):
    """An alert, which lasts until what it tells of is over.

    Args:
        path: the file that is affected, or the folder.
        code, severity, suggestion: of the finding that it stands for; null where it stands for none.
        told_at: when people were last told; null if they were not yet.
        times_told: the reminders included.
        next_reminder_at: null where nobody is reminded.
        acked_by: uid of who knows of it.
        folded: nobody is told, since something that explains it is open.
    """

    id: int
    kind: str
    alert_class: AlertClass
    message: str
    model_id: str | None
    path: str | None
    code: str | None
    severity: Severity | None
    suggestion: str | None
    opened_at: datetime
    told_at: datetime | None
    times_told: int
    next_reminder_at: datetime | None
    acked_at: datetime | None
    acked_by: int | None
    cleared_at: datetime | None
    folded: bool
    path_b64: str | UnsetType = UNSET


class AlertAnswer(Struct, frozen=True):
    """`POST /v1/alerts/{n}/ack`."""

    schema: int
    alert: AlertRow


class AlertsAnswer(Struct, frozen=True):
    """`GET /v1/alerts`: those that are open, the gravest first, then those that ended last."""

    schema: int
    alerts: tuple[AlertRow, ...]


class AlertTestAnswer(Struct, frozen=True):
    """`POST /v1/alerts/test`: the kinds of which a test was sent."""

    schema: int
    tested: tuple[str, ...]


class LogLevelAnswer(Struct, frozen=True):
    """`POST /v1/log-level`: the level from now on."""

    schema: int
    level: LogLevel


class ReloadAnswer(Struct, frozen=True):
    """`POST /v1/reload`: the configuration is good, and comes into force now.

    It is in force when there is an event `config-reloaded` after `last_event`; until then connections may be closed: ask again.
    """

    schema: int
    last_event: int


class VersionAnswer(Struct, frozen=True):
    """`GET /v1/version`."""

    schema: int
    version: str
    pid: int


class HealthzAnswer(Struct, frozen=True):
    """`GET /healthz`: the daemon answers; says nothing about models."""

    schema: int
    ok: bool


class OpenApiDocument(Struct, frozen=True):
    """`GET /openapi.json`: this API, in the shape that OpenAPI 3.1 prescribes."""

    openapi: str
    info: dict[str, Any]
    servers: tuple[dict[str, Any], ...]
    paths: dict[str, dict[str, Any]]
    components: dict[str, dict[str, Any]]


class ErrorBody(Struct, frozen=True):
    """What went wrong, why, and what to do."""

    code: str
    category: Category
    message: str
    suggestion: str


class ErrorAnswer(Struct, frozen=True):
    """Body of every answer with a status of 400 and above."""

    error: ErrorBody


class ScanFile(Struct, frozen=True):
    """A file in `scan --json`."""

    path: str
    size_bytes: int | None
    status: HealthStatus
    sha256: str | None
    verified_by: VerifiedBy
    path_b64: str | UnsetType = UNSET


class ScanModel(IntegrityResult, frozen=True, kw_only=True):
    """A model in `scan --json`: the IntegrityResult, its layout and its files."""

    layout: str
    files: tuple[ScanFile, ...]


class ScanAnswer(Struct, frozen=True):
    """`wan-healthd scan --json`. `unclaimed` are files that belong to no model; `issues` belong to no model either."""

    schema: int
    overall_health_score: float
    models: tuple[ScanModel, ...]
    issues: tuple[Finding, ...]
    unclaimed: tuple[str, ...]
    bytes_read: int
    elapsed_s: float
