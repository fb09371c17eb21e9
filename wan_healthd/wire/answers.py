"""Response bodies of the control API. Every list stands under a key of its own name; `schema` is the body's version."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from wan_healthd.domain.digests import Assurance
from wan_healthd.domain.events import Event
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.findings import Category, Finding
from wan_healthd.domain.verdicts import CorruptionReport, HealthStatus, IntegrityResult, SystemHealthReport

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


class StatusAnswer(Struct, frozen=True):
    """`GET /v1/status`. `status` is the worst of the models'; HEALTHY where there are none and nothing else is wrong.

    `issues` belong to no model: a root that cannot be reached.
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


class FilesAnswer(Struct, frozen=True):
    """`GET /v1/models/{id}/files`."""

    schema: int
    model_id: str
    files: tuple[FileRow, ...]


class CorruptionAnswer(Struct, frozen=True):
    """`GET /v1/models/{id}/corruption`."""

    schema: int
    corruption: CorruptionReport


class ReportAnswer(Struct, frozen=True):
    """`GET /v1/report`."""

    schema: int
    report: SystemHealthReport


class EventsAnswer(Struct, frozen=True):
    """`GET /v1/events`: ascending; ask again with `since=last_event` of this answer. `stream` changes with the store."""

    schema: int
    stream: str
    last_event: int
    events: tuple[Event, ...]


class JobRow(Struct, frozen=True):
    """Long work. `state` is "running", "done", "failed" or "cancelled"; `done_bytes` of `total_bytes` is read.

    `result` stands when it is done, `error` when it failed.
    """

    id: int
    kind: str
    model_id: str
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


class VersionAnswer(Struct, frozen=True):
    """`GET /v1/version`."""

    schema: int
    version: str
    pid: int


class HealthzAnswer(Struct, frozen=True):
    """`GET /healthz`: the daemon answers; says nothing about models."""

    schema: int
    ok: bool


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
