"""The whole API, one row a route. Documentation and OpenAPI are made from this table."""

from __future__ import annotations

from wan_healthd.api import events, jobs, models, system
from wan_healthd.api.routing import NoFields, Route
from wan_healthd.domain.callers import CallerRole
from wan_healthd.wire.answers import (
    CorruptionAnswer,
    EventsAnswer,
    FilesAnswer,
    HealthzAnswer,
    JobAnswer,
    JobsAnswer,
    ModelAnswer,
    ModelsAnswer,
    ReportAnswer,
    StatusAnswer,
    VersionAnswer,
)
from wan_healthd.wire.requests import CheckRequest, EventsQuery, TrustRequest

READ, ACT = CallerRole.READER, CallerRole.ACTOR

ROUTES: tuple[Route, ...] = (
    Route("GET", "/healthz", READ, NoFields, system.healthz, HealthzAnswer),
    Route("GET", "/v1/version", READ, NoFields, system.version, VersionAnswer),
    Route("GET", "/v1/status", READ, NoFields, system.status, StatusAnswer),
    Route("GET", "/v1/report", READ, NoFields, system.report, ReportAnswer),
    Route("GET", "/v1/models", READ, NoFields, models.list_models, ModelsAnswer),
    Route("GET", "/v1/models/{id}", READ, NoFields, models.get_model, ModelAnswer),
    Route("GET", "/v1/models/{id}/files", READ, NoFields, models.list_files, FilesAnswer),
    Route("GET", "/v1/models/{id}/corruption", READ, NoFields, models.get_corruption, CorruptionAnswer),
    Route("POST", "/v1/models/{id}/check", ACT, CheckRequest, models.check, JobAnswer, 202),
    Route("POST", "/v1/models/{id}/trust", ACT, TrustRequest, models.trust, ModelAnswer),
    Route("GET", "/v1/events", READ, EventsQuery, events.list_events, EventsAnswer),
    Route("GET", "/v1/jobs", READ, NoFields, jobs.list_jobs, JobsAnswer),
    Route("GET", "/v1/jobs/{id}", READ, NoFields, jobs.get_job, JobAnswer),
)
