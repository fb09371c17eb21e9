"""The verbs of the product: what the facade offers, the API routes, and `healthctl` asks for.

One verb keeps its name in every room. `ModelHealthMonitor` implements this in the process; the API serves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from wan_healthd.domain.callers import Caller
from wan_healthd.domain.verdicts import CorruptionReport, IntegrityResult, SystemHealthReport
from wan_healthd.wire.answers import (
    EventsAnswer,
    FilesAnswer,
    JobRow,
    JobsAnswer,
    ModelsAnswer,
    StatusAnswer,
)
from wan_healthd.wire.requests import EventsQuery


class HealthFacade(Protocol):
    """All of these raise HealthdError; ModelNotFound where an id is unknown, JobNotFound for an unknown job."""

    async def status(self) -> StatusAnswer:
        """Everything at a glance; answers at once, also during a sweep."""

    async def list_models(self) -> ModelsAnswer:
        """A row for each model."""

    async def get_model(self, model_id: str) -> IntegrityResult:
        """The present verdict, without looking again."""

    async def list_files(self, model_id: str) -> FilesAnswer:
        """Every file of a model."""

    async def get_corruption(self, model_id: str) -> CorruptionReport:
        """The present corruption report, without looking again."""

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

    async def trust(self, model_id: str, files: Sequence[str], caller: Caller, reason: str) -> IntegrityResult:
        """Accept the present bytes of the named files (absolute display paths; none: all of the model) as the new truth.

        A file that is gone is forgotten. Recorded with who and why.
        """
