"""The facade: every verb of the product for programs, in-process or inside the daemon. It delegates and holds no rules."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import msgspec

from wan_healthd.assembly import House
from wan_healthd.blueprint import Blueprint
from wan_healthd.checks.verdict import corruption_report, unknown_model
from wan_healthd.domain.callers import Caller
from wan_healthd.domain.catalogue import MODEL_MISSING
from wan_healthd.domain.errors import ModelNotFound, NoDaemon
from wan_healthd.domain.gate import Gate
from wan_healthd.domain.generations import Generation
from wan_healthd.domain.performance import PerformanceHealth, PerformanceMetrics, PerformanceTrend, metrics_of
from wan_healthd.domain.process import LogLevel, ProcessControl
from wan_healthd.domain.settings import HealthCheckConfig, RootSettings, Settings
from wan_healthd.domain.verdicts import CorruptionReport, IntegrityResult, SystemHealthReport
from wan_healthd.inprocess import HouseThread
from wan_healthd.services.ledger import kinds_to_test
from wan_healthd.services.orders import Order
from wan_healthd.services.queue import Priority, Ticket
from wan_healthd.store import events, samples
from wan_healthd.version import __version__
from wan_healthd.wire.answers import (
    SCHEMA,
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

T = TypeVar("T")
HealthCallback = Callable[[IntegrityResult], Awaitable[None] | None]
CorruptionCallback = Callable[[CorruptionReport], Awaitable[None] | None]

ROSTER_ONLY = Order(Priority.REQUESTED, judges=False)


class ModelHealthMonitor:
    """Watches over models. Nothing needs closing: all threads are daemons, and the worker ends with the process.

    No method blocks the caller's event loop, and any loop may call: the work is done in a thread with a loop of its own,
    started at the first call (inside the daemon: in the daemon's own loop).

    Args:
        models_dir: the folder whose models are monitored; it may be absent, then nothing is found there until it appears.
        config: what is monitored and how often.
        state: file that keeps what was learnt over restarts; None keeps it in memory.
        settings: everything at once, instead of `models_dir` and `config`.
    """

    def __init__(
        self,
        models_dir: str | os.PathLike[str] = "models",
        config: HealthCheckConfig | None = None,
        *,
        state: str | os.PathLike[str] | None = None,
        settings: Settings | None = None,
    ) -> None:
        if settings is None:
            root = RootSettings(os.path.abspath(os.fspath(models_dir)))
            settings = Settings(roots=(root,), health=config or HealthCheckConfig())
        self._settings = settings
        file = None if state is None else os.path.abspath(os.fsencode(state))
        self._home = HouseThread(Blueprint(settings, file, (), _keep_quiet))
        self._process: ProcessControl | None = None

    @classmethod
    def hosted_by(cls, house: House, process: ProcessControl | None = None) -> ModelHealthMonitor:
        """The facade over services that already run in the present event loop, as in the daemon, whose switches it gets."""
        monitor = cls.__new__(cls)
        monitor._settings = house.settings
        monitor._home = HouseThread.hosting(house)
        monitor._process = process
        return monitor

    async def check_model_integrity(self, model_id: str, *, full: bool = False) -> IntegrityResult:
        """Check one model now: presence, headers, and the content of what is new or changed (`full`: every byte).

        An unknown id gives the status MISSING.
        """

        async def check(house: House) -> IntegrityResult:
            try:
                return await self._check(house, model_id, full=full)
            except ModelNotFound:
                missing = MODEL_MISSING.at(None, what=f"no model has the id {model_id}")
                return unknown_model(model_id, missing)

        return await self._do(check)

    async def detect_corruption(self, model_id: str) -> CorruptionReport:
        """Check one model now and report what is broken."""
        result = await self.check_model_integrity(model_id)
        return corruption_report(result, await self._do(_now))

    async def monitor_model_performance(
        self, model_id: str, metrics: PerformanceMetrics | Mapping[str, Any]
    ) -> PerformanceHealth:
        """Hand in one generation's figures (see `PerformanceMetrics`; any may be missing).

        They are kept; comparing them with a baseline is not built yet, so the answer says `insufficient_data`.

        Raises:
            InvalidRequest: a figure has a wrong name or value.
        """
        sample = metrics_of(metrics)

        async def record(house: House) -> PerformanceHealth:
            now = house.clock.now()
            if house.settings.health.performance_monitoring_enabled:
                kept = msgspec.structs.replace(sample, timestamp=sample.timestamp or now)
                days = timedelta(days=house.settings.health.baseline_performance_days)
                await house.database.write(lambda db: samples.add(db, model_id, kept, now, keep_since=now - 2 * days))
            return PerformanceHealth(
                model_id=model_id,
                overall_score=1.0,
                performance_trend=PerformanceTrend.INSUFFICIENT_DATA,
                bottlenecks=(),
                recommendations=(),
                baseline_comparison={},
                last_assessment=now,
            )

        return await self._do(record)

    async def schedule_health_checks(self) -> None:
        """Watch the roots and check them on schedule, first at once; returns when that is started."""
        await self._do(lambda house: house.start_monitoring())

    async def stop_health_checks(self) -> None:
        """Neither watch nor check on schedule any more; a check under way is finished."""
        await self._do(lambda house: house.stop_monitoring())

    def add_health_callback(self, callback: HealthCallback) -> None:
        """Call `callback` (plain or async) with every finished result, in the loop that it is added from if there is one."""
        self._home.when_open(lambda house, loop: house.feed.add_health(callback, loop))

    def add_corruption_callback(self, callback: CorruptionCallback) -> None:
        """Call `callback` (plain or async) with every corruption report, clean ones too."""
        self._home.when_open(lambda house, loop: house.feed.add_corruption(callback, loop))

    async def get_health_report(self) -> SystemHealthReport:
        """All models in detail. Without a schedule everything that changed is checked first; with one it stands already."""

        async def report(house: House) -> SystemHealthReport:
            if not house.is_monitoring:
                ticket = Ticket()
                await house.conductor.sweep_all(Order(Priority.DUE, patient=False), ticket)
                await ticket.wait()
            return await house.overview.report()

        return await self._do(report)

    async def status(self) -> StatusAnswer:
        """Everything at a glance; answers at once, also during a sweep."""
        return await self._do(lambda house: house.overview.status())

    async def list_models(self) -> ModelsAnswer:
        """A row for each model."""
        return await self._do(lambda house: house.overview.models())

    async def get_model(self, model_id: str) -> IntegrityResult:
        """The present verdict, without looking again.

        Raises:
            ModelNotFound: no model has that id.
        """
        return await self._do(lambda house: house.overview.result(model_id))

    async def list_files(self, model_id: str) -> FilesAnswer:
        """Every file of a model.

        Raises:
            ModelNotFound: no model has that id.
        """
        return await self._do(lambda house: house.overview.files(model_id))

    async def get_corruption(self, model_id: str) -> CorruptionReport:
        """The present corruption report, without looking again.

        Raises:
            ModelNotFound: no model has that id.
        """
        return corruption_report(await self.get_model(model_id), await self._do(_now))

    async def gate(self, model_id: str) -> Gate:
        """Whether the model may be loaded now: by its verdict, and a look whether its files are still what was judged.

        Raises:
            ModelNotFound: no model has that id.
        """
        return await self._do(lambda house: house.gatekeeper.gate(model_id))

    async def list_events(self, query: EventsQuery) -> EventsAnswer:
        """Stored events in order."""
        return await self._do(lambda house: house.overview.events(query))

    async def start_check(self, model_id: str, *, full: bool = False) -> JobRow:
        """Begin a check; ask for its end with `get_job`.

        Raises:
            ModelNotFound: no model has that id.
        """
        return await self._do(lambda house: house.jobs.start_check(model_id, full=full))

    async def get_job(self, job_id: int) -> JobRow:
        """One job.

        Raises:
            JobNotFound: no such job, or it ended long ago.
        """

        async def get(house: House) -> JobRow:
            return house.jobs.get(job_id)

        return await self._do(get)

    async def list_jobs(self) -> JobsAnswer:
        """What runs, what ran lately, and the timers."""

        async def rows(house: House) -> JobsAnswer:
            return JobsAnswer(SCHEMA, house.jobs.rows(), await house.overview.timers())

        return await self._do(rows)

    async def doctor(self, *, network: bool = False) -> DoctorAnswer:
        """What can and cannot be done here, and how that is cured; `network`: also whether the hub answers."""
        return DoctorAnswer(SCHEMA, __version__, await self._do(lambda house: house.doctor.examine(network=network)))

    async def list_sweeps(self) -> SweepsAnswer:
        """The sweeps under way, and whether they are paused."""
        return await self._do(lambda house: house.overview.sweeps())

    async def start_sweep(self, *, full: bool = False) -> JobRow:
        """Begin a sweep of all roots; ask for its end with `get_job`. While sweeps are paused it waits."""
        return await self._do(lambda house: house.jobs.start_sweep(full=full))

    async def pause_sweeps(self, caller: Caller, reason: str = "") -> SweepsAnswer:
        """Let no sweep read until `resume_sweeps`, also over restarts. What changes or is asked for is judged all the same."""

        async def pause(house: House) -> SweepsAnswer:
            await house.pauses.pause(caller.uid, reason)
            return await house.overview.sweeps()

        return await self._do(pause)

    async def resume_sweeps(self, caller: Caller) -> SweepsAnswer:
        """Let sweeps go on, each at its block."""

        async def resume(house: House) -> SweepsAnswer:
            await house.pauses.resume(caller.uid)
            return await house.overview.sweeps()

        return await self._do(resume)

    async def list_generations(self) -> GenerationsAnswer:
        """The announced generations that are open: sweeps make way for them."""

        async def rows(house: House) -> GenerationsAnswer:
            return GenerationsAnswer(SCHEMA, house.generations.rows())

        return await self._do(rows)

    async def start_generation(self, start: GenerationStart, caller: Caller) -> Generation:
        """A generation begins; see `wire.generations`. TooManyGenerations where too many are open."""
        return await self._do(lambda house: house.generations.start(start, caller))

    async def renew_generation(self, number: int, expires_in_s: float) -> Generation:
        """It expires so long from now instead. GenerationNotFound if it ended, or there is none of that number."""
        return await self._do(lambda house: house.generations.renew(number, expires_in_s))

    async def end_generation(self, number: int) -> GenerationEndAnswer:
        """It has ended; twice is as good as once. GenerationNotFound if there is none of that number."""
        return GenerationEndAnswer(SCHEMA, *(await self._do(lambda house: house.generations.end(number))))

    async def list_alerts(self, query: AlertsQuery = AlertsQuery()) -> AlertsAnswer:  # noqa: B008 - it is frozen
        """What is open, the gravest first, then what ended lately."""

        async def rows(house: House) -> AlertsAnswer:
            return AlertsAnswer(SCHEMA, await house.ledger.rows(query.limit))

        return await self._do(rows)

    async def acknowledge_alert(self, number: int, caller: Caller) -> AlertRow:
        """The caller knows of it: no reminders until it gets worse, or ends and returns.

        Raises:
            AlertNotFound: no alert of that number is open.
        """
        return await self._do(lambda house: house.ledger.acknowledge(number, caller.uid))

    async def test_alerts(self, kind: str | None = None) -> tuple[str, ...]:
        """Send a test of one kind, or of each class, to where alerts go; returns the kinds.

        Raises:
            InvalidRequest: there is no such kind.
        """

        async def test(house: House) -> tuple[str, ...]:
            kinds = kinds_to_test(kind)
            house.alerter.test(kinds)
            return tuple(tested.name for tested in kinds)

        return await self._do(test)

    async def trust(self, model_id: str, files: Sequence[str], caller: Caller, reason: str) -> IntegrityResult:
        """Accept the present bytes of the named files (none: all of the model) as the new truth; see `services.trust`.

        Raises:
            ModelNotFound: no model has that id, or the model is gone with its last file.
            FileNotKnown: a file does not belong to the model.
        """

        async def accept(house: House) -> IntegrityResult:
            result = await house.trust.trust(model_id, files, uid=caller.uid, reason=reason)
            if result is None:
                return unknown_model(model_id, MODEL_MISSING.at(None, what="its last file is gone, and that was accepted"))
            return result

        return await self._do(accept)

    async def set_log_level(self, level: LogLevel) -> None:
        """From which level on the daemon logs.

        Raises:
            NoDaemon: this is none.
        """
        self._daemon("set the level of the log").set_log_level(level)

    async def reload(self) -> int:
        """Read the configuration and put it in force soon after; returns the number of the last event before that.

        Raises:
            ConfigInvalid: it has errors, and the old one stays in force.
            NoDaemon: this is none.
        """
        process = self._daemon("reload the configuration")
        last_event = await self._do(lambda house: house.database.read(events.last_number))
        await process.reload()
        return last_event

    def _daemon(self, act: str) -> ProcessControl:
        if self._process is None:
            raise NoDaemon(f"cannot {act}: this monitor runs inside another program", "do it where that program sets itself up")
        return self._process

    async def _check(self, house: House, model_id: str, *, full: bool) -> IntegrityResult:
        """Check; an id that is not known yet may have appeared since the last sweep."""
        try:
            return await house.jobs.check(model_id, full=full)
        except ModelNotFound:
            await house.conductor.sweep_all(ROSTER_ONLY, Ticket())
            return await house.jobs.check(model_id, full=full)

    async def _do(self, verb: Callable[[House], Coroutine[Any, Any, T]]) -> T:
        return await self._home.do(verb)


_the_monitor: ModelHealthMonitor | None = None


def get_model_health_monitor(
    models_dir: str | os.PathLike[str] = "models", config: HealthCheckConfig | None = None
) -> ModelHealthMonitor:
    """The one monitor of this process, made at the first call; later arguments are not looked at."""
    global _the_monitor  # noqa: PLW0603 - the facade's singleton is the sole global of the house
    if _the_monitor is None:
        _the_monitor = ModelHealthMonitor(models_dir, config)
    return _the_monitor


async def _now(house: House) -> Any:
    return house.clock.now()


def _keep_quiet(_what: str, _error: BaseException | None) -> None:
    """In somebody else's process nothing is logged; what matters is in the results."""
