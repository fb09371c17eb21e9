"""The verbs of the product: what the facade offers, the API routes, and `healthctl` asks for.

One verb keeps its name in every room. `ModelHealthMonitor` implements this in the process; the API serves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from wan_healthd.domain.callers import Caller
from wan_healthd.domain.gate import Gate
from wan_healthd.domain.generations import Generation
from wan_healthd.domain.process import LogLevel
from wan_healthd.domain.verdicts import CorruptionReport, IntegrityResult, SystemHealthReport
from wan_healthd.wire.answers import (
    AlertRow,
    AlertsAnswer,
    EventsAnswer,
    FilesAnswer,
    JobRow,
    JobsAnswer,
    ModelsAnswer,
    StatusAnswer,
    SweepsAnswer,
)
from wan_healthd.wire.doctor import DoctorAnswer
from wan_healthd.wire.generations import GenerationEndAnswer, GenerationsAnswer, GenerationStart
from wan_healthd.wire.requests import AlertsQuery, EventsQuery


class HealthFacade(Protocol):
    """All of these raise HealthdError; ModelNotFound where an id is unknown, JobNotFound for an unknown job."""

    async def status(self) -> StatusAnswer:
        """Everything at a glance; answers at once, also during a sweep."""

    async def doctor(self, *, network: bool = False) -> DoctorAnswer:
        """What the daemon can and cannot do here, and how that is cured; `network`: also whether the hub answers."""

    async def list_models(self) -> ModelsAnswer:
        """A row for each model."""

    async def get_model(self, model_id: str) -> IntegrityResult:
        """The present verdict, without looking again."""

    async def list_files(self, model_id: str) -> FilesAnswer:
        """Every file of a model."""

    async def get_corruption(self, model_id: str) -> CorruptionReport:
        """The present corruption report, without looking again."""

    async def gate(self, model_id: str) -> Gate:
        """Whether the model may be loaded now: by its verdict, and a look whether its files are still what was judged."""

    async def get_health_report(self) -> SystemHealthReport:
        """All models in detail."""

    async def list_events(self, query: EventsQuery) -> EventsAnswer:
        """Stored events in order."""

    async def start_check(self, model_id: str, *, full: bool = False) -> JobRow:
        """Begin a check; the job's result is the IntegrityResult."""

    async def get_job(self, job_id: int) -> JobRow:
        """One job."""

    async def list_jobs(self) -> JobsAnswer:
        """What runs, what ran lately, and the timers."""

    async def list_sweeps(self) -> SweepsAnswer:
        """The sweeps under way, and whether they are paused."""

    async def start_sweep(self, *, full: bool = False) -> JobRow:
        """Begin a sweep of all roots; while sweeps are paused it waits."""

    async def pause_sweeps(self, caller: Caller, reason: str) -> SweepsAnswer:
        """Let no sweep read until `resume_sweeps`, also over restarts. What changes or is asked for is judged all the same."""

    async def resume_sweeps(self, caller: Caller) -> SweepsAnswer:
        """Let sweeps go on, each at its block."""

    async def list_generations(self) -> GenerationsAnswer:
        """The announced generations that are open: sweeps make way for them."""

    async def start_generation(self, start: GenerationStart, caller: Caller) -> Generation:
        """One begins; it is open until it ends or expires, also over restarts. TooManyGenerations where too many are open."""

    async def renew_generation(self, number: int, expires_in_s: float) -> Generation:
        """It expires so long from now instead. GenerationNotFound if it ended, or there is none of that number."""

    async def end_generation(self, number: int) -> GenerationEndAnswer:
        """It has ended; twice is as good as once. GenerationNotFound if there is none of that number."""

    async def list_alerts(self, query: AlertsQuery) -> AlertsAnswer:
        """What is open, the gravest first, then what ended lately."""

    async def acknowledge_alert(self, number: int, caller: Caller) -> AlertRow:
        """The caller knows of it: no reminders until it gets worse, or ends and returns. AlertNotFound if it is not open."""

    async def test_alerts(self, kind: str | None) -> tuple[str, ...]:
        """Send a test of one kind, or of each class, to where alerts go; answers with the kinds."""

    async def trust(self, model_id: str, files: Sequence[str], caller: Caller, reason: str) -> IntegrityResult:
        """Accept the present bytes of the named files (absolute display paths; none: all of the model) as the new truth.

        A file that is gone is forgotten. Recorded with who and why.
        """

    async def set_log_level(self, level: LogLevel) -> None:
        """From which level on the daemon logs. NoDaemon where this is none."""

    async def reload(self) -> int:
        """Read the configuration and put it in force soon after; the number of the last event before that.

        ConfigInvalid where it has errors, and the old one stays in force; NoDaemon where this is none.
        """
