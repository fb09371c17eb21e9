"""The whole API, one row a route. Documentation and OpenAPI are made from this table."""

from __future__ import annotations

import functools

from wan_healthd.api import alerts, doctor, events, generations, jobs, models, openapi, process, sweeps, system
from wan_healthd.api.routing import Ask, NoFields, Route
from wan_healthd.domain.callers import CallerRole
from wan_healthd.wire.answers import (
    AlertAnswer,
    AlertsAnswer,
    AlertTestAnswer,
    CorruptionAnswer,
    EventsAnswer,
    FilesAnswer,
    GateAnswer,
    HealthzAnswer,
    JobAnswer,
    JobsAnswer,
    LogLevelAnswer,
    ModelAnswer,
    ModelsAnswer,
    OpenApiDocument,
    ReloadAnswer,
    ReportAnswer,
    StatusAnswer,
    SweepsAnswer,
    VersionAnswer,
)
from wan_healthd.wire.doctor import DoctorAnswer, DoctorQuery
from wan_healthd.wire.generations import (
    GenerationAnswer,
    GenerationEndAnswer,
    GenerationRenewal,
    GenerationsAnswer,
    GenerationStart,
)
from wan_healthd.wire.requests import (
    AlertsQuery,
    AlertTestRequest,
    CheckRequest,
    EventsQuery,
    LogLevelRequest,
    PauseRequest,
    SweepRequest,
    TrustRequest,
)

READ, ACT = CallerRole.READER, CallerRole.ACTOR


async def describe(ask: Ask[NoFields]) -> OpenApiDocument:
    """This document."""
    return _described(ask.version)


@functools.cache
def _described(version: str) -> OpenApiDocument:
    return openapi.document(ROUTES, version)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/openapi.json", READ, NoFields, describe, OpenApiDocument),
    Route("GET", "/healthz", READ, NoFields, system.healthz, HealthzAnswer),
    Route("GET", "/v1/version", READ, NoFields, system.version, VersionAnswer),
    Route("GET", "/v1/status", READ, NoFields, system.status, StatusAnswer),
    Route("GET", "/v1/doctor", READ, DoctorQuery, doctor.doctor, DoctorAnswer),
    Route("GET", "/v1/report", READ, NoFields, system.report, ReportAnswer),
    Route("GET", "/v1/models", READ, NoFields, models.list_models, ModelsAnswer),
    Route("GET", "/v1/models/{id}", READ, NoFields, models.get_model, ModelAnswer),
    Route("GET", "/v1/models/{id}/files", READ, NoFields, models.list_files, FilesAnswer),
    Route("GET", "/v1/models/{id}/corruption", READ, NoFields, models.get_corruption, CorruptionAnswer),
    Route("GET", "/v1/models/{id}/gate", READ, NoFields, models.gate, GateAnswer),
    Route("POST", "/v1/models/{id}/check", ACT, CheckRequest, models.check, JobAnswer, 202),
    Route("POST", "/v1/models/{id}/trust", ACT, TrustRequest, models.trust, ModelAnswer),
    Route("GET", "/v1/events", READ, EventsQuery, events.list_events, EventsAnswer),
    Route("GET", "/v1/alerts", READ, AlertsQuery, alerts.list_alerts, AlertsAnswer),
    Route("POST", "/v1/alerts/test", ACT, AlertTestRequest, alerts.test, AlertTestAnswer),
    Route("POST", "/v1/alerts/{id}/ack", ACT, NoFields, alerts.acknowledge, AlertAnswer),
    Route("GET", "/v1/generations", READ, NoFields, generations.list_generations, GenerationsAnswer),
    Route("POST", "/v1/generations/start", ACT, GenerationStart, generations.start, GenerationAnswer, 201),
    Route("POST", "/v1/generations/{id}/renew", ACT, GenerationRenewal, generations.renew, GenerationAnswer),
    Route("POST", "/v1/generations/{id}/end", ACT, NoFields, generations.end, GenerationEndAnswer),
    Route("GET", "/v1/sweeps", READ, NoFields, sweeps.list_sweeps, SweepsAnswer),
    Route("POST", "/v1/sweeps", ACT, SweepRequest, sweeps.start, JobAnswer, 202),
    Route("POST", "/v1/sweeps/pause", ACT, PauseRequest, sweeps.pause, SweepsAnswer),
    Route("POST", "/v1/sweeps/resume", ACT, NoFields, sweeps.resume, SweepsAnswer),
    Route("GET", "/v1/jobs", READ, NoFields, jobs.list_jobs, JobsAnswer),
    Route("GET", "/v1/jobs/{id}", READ, NoFields, jobs.get_job, JobAnswer),
    Route("POST", "/v1/log-level", ACT, LogLevelRequest, process.set_log_level, LogLevelAnswer),
    Route("POST", "/v1/reload", ACT, NoFields, process.reload, ReloadAnswer, 202),
)
