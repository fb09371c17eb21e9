"""Every question of the control API as a value: what is sent, and the shape of the answer. Nothing is sent here.

Both clients for programs ask these, so that a verb is written down once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from wan_healthd.client.quoting import quote
from wan_healthd.domain.process import LogLevel
from wan_healthd.wire.answers import (
    AlertAnswer,
    AlertsAnswer,
    AlertTestAnswer,
    CorruptionAnswer,
    EventsAnswer,
    FilesAnswer,
    GateAnswer,
    JobAnswer,
    JobsAnswer,
    LogLevelAnswer,
    ModelAnswer,
    ModelsAnswer,
    ReloadAnswer,
    ReportAnswer,
    StatusAnswer,
    SweepsAnswer,
    VersionAnswer,
)
from wan_healthd.wire.doctor import DoctorAnswer
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

T = TypeVar("T")


class Question(Struct, Generic[T], frozen=True):
    """One request.

    Args:
        target: path and query, percent-encoded.
        answer: the shape of the answer's body.
        body: JSON; None for a GET.
        wait_s: how long the daemon may hold its answer back, since it was asked to wait for news.
    """

    target: str
    answer: type[T]
    body: bytes | None = None
    wait_s: float = 0.0

    @property
    def method(self) -> str:
        """What has a body acts."""
        return "GET" if self.body is None else "POST"


def status() -> Question[StatusAnswer]:
    """Everything at a glance."""
    return Question("/v1/status", StatusAnswer)


def version() -> Question[VersionAnswer]:
    """Who answers."""
    return Question("/v1/version", VersionAnswer)


def doctor(*, network: bool) -> Question[DoctorAnswer]:
    """What the daemon can and cannot do here."""
    return Question("/v1/doctor?network=true" if network else "/v1/doctor", DoctorAnswer)


def list_models() -> Question[ModelsAnswer]:
    """A row for each model."""
    return Question("/v1/models", ModelsAnswer)


def get_model(model_id: str) -> Question[ModelAnswer]:
    """The present verdict."""
    return Question(_of_model(model_id), ModelAnswer)


def list_files(model_id: str) -> Question[FilesAnswer]:
    """Every file of a model."""
    return Question(_of_model(model_id, "/files"), FilesAnswer)


def get_corruption(model_id: str) -> Question[CorruptionAnswer]:
    """What is broken in a model."""
    return Question(_of_model(model_id, "/corruption"), CorruptionAnswer)


def gate(model_id: str) -> Question[GateAnswer]:
    """Whether the model may be loaded now."""
    return Question(_of_model(model_id, "/gate"), GateAnswer)


def get_health_report() -> Question[ReportAnswer]:
    """All models in detail."""
    return Question("/v1/report", ReportAnswer)


def list_events(query: EventsQuery) -> Question[EventsAnswer]:
    """Stored events in order."""
    return Question(f"/v1/events{_query(query)}", EventsAnswer, wait_s=query.wait_s)


def start_check(model_id: str, *, full: bool) -> Question[JobAnswer]:
    """Begin a check."""
    return _act(_of_model(model_id, "/check"), CheckRequest(full), JobAnswer)


def trust(model_id: str, files: Sequence[str], reason: str) -> Question[ModelAnswer]:
    """Accept the present bytes."""
    return _act(_of_model(model_id, "/trust"), TrustRequest(tuple(files), reason), ModelAnswer)


def get_job(job_id: int) -> Question[JobAnswer]:
    """One job."""
    return Question(f"/v1/jobs/{job_id}", JobAnswer)


def list_jobs() -> Question[JobsAnswer]:
    """What runs, what ran lately, and the timers."""
    return Question("/v1/jobs", JobsAnswer)


def list_sweeps() -> Question[SweepsAnswer]:
    """The sweeps under way, and whether they are paused."""
    return Question("/v1/sweeps", SweepsAnswer)


def start_sweep(*, full: bool) -> Question[JobAnswer]:
    """Begin a sweep of all roots."""
    return _act("/v1/sweeps", SweepRequest(full), JobAnswer)


def pause_sweeps(reason: str) -> Question[SweepsAnswer]:
    """Let no sweep read."""
    return _act("/v1/sweeps/pause", PauseRequest(reason), SweepsAnswer)


def resume_sweeps() -> Question[SweepsAnswer]:
    """Let sweeps go on."""
    return _act("/v1/sweeps/resume", None, SweepsAnswer)


def list_generations() -> Question[GenerationsAnswer]:
    """Those that are open."""
    return Question("/v1/generations", GenerationsAnswer)


def start_generation(start: GenerationStart) -> Question[GenerationAnswer]:
    """One begins."""
    return _act("/v1/generations/start", start, GenerationAnswer)


def renew_generation(number: int, expires_in_s: float) -> Question[GenerationAnswer]:
    """It goes on, and expires later."""
    return _act(f"/v1/generations/{number}/renew", GenerationRenewal(expires_in_s), GenerationAnswer)


def end_generation(number: int) -> Question[GenerationEndAnswer]:
    """It has ended."""
    return _act(f"/v1/generations/{number}/end", None, GenerationEndAnswer)


def list_alerts(query: AlertsQuery) -> Question[AlertsAnswer]:
    """What is open, then what ended lately."""
    return Question(f"/v1/alerts{_query(query)}", AlertsAnswer)


def acknowledge_alert(number: int) -> Question[AlertAnswer]:
    """Somebody knows of it."""
    return _act(f"/v1/alerts/{number}/ack", None, AlertAnswer)


def test_alerts(kind: str | None) -> Question[AlertTestAnswer]:
    """Send a test to where alerts go."""
    return _act("/v1/alerts/test", AlertTestRequest(kind), AlertTestAnswer)


def set_log_level(level: LogLevel) -> Question[LogLevelAnswer]:
    """What is logged from now on."""
    return _act("/v1/log-level", LogLevelRequest(level), LogLevelAnswer)


def reload() -> Question[ReloadAnswer]:
    """Read the configuration anew."""
    return _act("/v1/reload", None, ReloadAnswer)


def _of_model(model_id: str, rest: str = "") -> str:
    return f"/v1/models/{quote(model_id)}{rest}"


def _act(target: str, fields: Struct | None, answer: type[T]) -> Question[T]:
    return Question(target, answer, b"{}" if fields is None else msgspec.json.encode(fields))


def _query(fields: Struct) -> str:
    """The fields that are set, as the server's `decode_query` reads them."""
    given = {name: value for name, value in msgspec.to_builtins(fields).items() if value is not None}
    return "?" + "&".join(f"{name}={quote(str(value))}" for name, value in given.items()) if given else ""
