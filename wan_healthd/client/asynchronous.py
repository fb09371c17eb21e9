"""The client for programs with an event loop. What it has is what `blocking` has."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from wan_healthd.client import checking, questions
from wan_healthd.client.checking import LONGEST_CHECK_S, Progress
from wan_healthd.client.daemon import ANSWER_S
from wan_healthd.client.discovery import places
from wan_healthd.client.errors import ClientError, Refused
from wan_healthd.client.following import PATIENCE_S, Following, OnMissed, follow
from wan_healthd.client.generating import ANNOUNCE_S, AsyncGenerating
from wan_healthd.client.nonblocking import exchange
from wan_healthd.client.questions import Question
from wan_healthd.client.scripts import Performance, Rest
from wan_healthd.client.understanding import VersionWatch, understand
from wan_healthd.domain.events import Event
from wan_healthd.domain.gate import Gate
from wan_healthd.domain.generations import USUAL_S, Generation
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
    VersionAnswer,
)
from wan_healthd.wire.doctor import DoctorAnswer
from wan_healthd.wire.generations import GenerationEndAnswer, GenerationsAnswer, GenerationStart
from wan_healthd.wire.requests import AlertsQuery, EventsQuery

T = TypeVar("T")
P = TypeVar("P")


class AsyncHealthClient:
    """Asks the daemon without blocking the event loop. Nothing needs closing; what is cancelled hangs up.

    Its methods are named as in `wire.facade`, and answer with its structs. Every method raises ClientError: DaemonUnreachable
    or SocketForbidden with a diagnosis where nobody answers, Refused with the daemon's own code and suggestion where it says
    no, AnswerNotUnderstood where it is not wan-healthd. Nothing
    waits for ever, and no answer is larger than 64 MiB.

    Args:
        socket: path of the control socket; else as `healthctl` finds it.
        timeout_s: for each answer, beyond the time that the daemon was asked to wait for news.
    """

    def __init__(self, socket: str | os.PathLike[str] | None = None, *, timeout_s: float = ANSWER_S) -> None:
        self._places = places(None if socket is None else os.fspath(socket), os.environ, os.getuid())
        self._timeout_s = timeout_s
        self._versions = VersionWatch()

    @property
    def daemon_version(self) -> str | None:
        """The version of the daemon that answered last; None before the first answer."""
        return self._versions.version

    async def status(self) -> StatusAnswer:
        """Everything at a glance; answers at once, also during a sweep."""
        return await self._ask(questions.status())

    async def version(self) -> VersionAnswer:
        """Who answers."""
        return await self._ask(questions.version())

    async def doctor(self, *, network: bool = False) -> DoctorAnswer:
        """What the daemon can and cannot do here, and how that is cured; `network`: also whether the hub answers."""
        return await self._ask(questions.doctor(network=network))

    async def list_models(self) -> ModelsAnswer:
        """A row for each model."""
        return await self._ask(questions.list_models())

    async def get_model(self, model_id: str) -> IntegrityResult:
        """The present verdict, without looking again."""
        return (await self._ask(questions.get_model(model_id))).model

    async def list_files(self, model_id: str) -> FilesAnswer:
        """Every file of a model."""
        return await self._ask(questions.list_files(model_id))

    async def get_corruption(self, model_id: str) -> CorruptionReport:
        """The present corruption report, without looking again."""
        return (await self._ask(questions.get_corruption(model_id))).corruption

    async def get_health_report(self) -> SystemHealthReport:
        """All models in detail."""
        return (await self._ask(questions.get_health_report())).report

    async def gate(self, model_id: str) -> Gate:
        """Whether the model may be loaded now, and why."""
        return (await self._ask(questions.gate(model_id))).gate

    async def is_available(self, model_id: str) -> bool:
        """Whether the model may be loaded now; one that nobody knows may not. What cannot be asked raises, and is no answer."""
        try:
            return (await self.gate(model_id)).go
        except Refused as error:
            if error.code != "model-not-found":
                raise
            return False

    async def check(
        self, model_id: str, *, full: bool = False, progress: Progress | None = None, timeout_s: float = LONGEST_CHECK_S
    ) -> IntegrityResult:
        """Check a model now and wait for the verdict; who stops waiting does not stop the check.

        Args:
            model_id: as `list_models` shows it.
            full: read every byte, also of files that did not change.
            progress: called with the job at each look, at first 20 times a second, later once.
            timeout_s: how long to wait for its end.

        Raises:
            Refused: it cannot be begun, or it failed.
            WaitedTooLong: it has not ended in time; it goes on.
            CheckLost: the daemon was restarted meanwhile.
        """
        script = checking.check(model_id, full=full, progress=progress, timeout_s=timeout_s)
        performance = Performance(script)
        async for _ in self._perform(performance):
            pass
        return performance.result

    async def start_check(self, model_id: str, *, full: bool = False) -> JobRow:
        """Begin a check; ask for its end with `get_job`."""
        return (await self._ask(questions.start_check(model_id, full=full))).job

    async def get_job(self, job_id: int) -> JobRow:
        """One job."""
        return (await self._ask(questions.get_job(job_id))).job

    async def list_jobs(self) -> JobsAnswer:
        """What runs, what ran lately, and the timers."""
        return await self._ask(questions.list_jobs())

    async def trust(self, model_id: str, files: Sequence[str] = (), reason: str = "") -> IntegrityResult:
        """Accept the present bytes of the named files (as `list_files` shows them; none: all of the model) as the new truth."""
        return (await self._ask(questions.trust(model_id, files, reason))).model

    async def list_sweeps(self) -> SweepsAnswer:
        """The sweeps under way, and whether they are paused."""
        return await self._ask(questions.list_sweeps())

    async def start_sweep(self, *, full: bool = False) -> JobRow:
        """Begin a sweep of all roots; while sweeps are paused it waits."""
        return (await self._ask(questions.start_sweep(full=full))).job

    async def pause_sweeps(self, reason: str = "") -> SweepsAnswer:
        """Let no sweep read until `resume_sweeps`, also over restarts."""
        return await self._ask(questions.pause_sweeps(reason))

    async def resume_sweeps(self) -> SweepsAnswer:
        """Let sweeps go on, each at its block."""
        return await self._ask(questions.resume_sweeps())

    def generating(
        self, model: str | None = None, *, expected_s: float | None = None, expires_in_s: float | None = None, note: str = ""
    ) -> AsyncGenerating:
        """`async with client.generating("Wan2.2-TI2V-5B"):` around a generation has sweeps make way for it, and nothing else.

        It never breaks nor delays the generation by more than seconds: where the daemon cannot be told, that is logged as a
        warning, and everything goes on. Nothing is raised but what the block itself raises.

        Args:
            model: id of the model that generates.
            expected_s: how long it should take.
            expires_in_s: after how long sweeps go on even if nobody ends it, a day at most. Without it after four times
                `expected_s`, at least ten minutes; after an hour where that is not said either. If it takes longer, `renew`.
            note: for those who wonder why sweeps wait; whoever may open the socket reads it, so no prompt belongs there.
        """
        return AsyncGenerating(
            lambda question: self._ask(question, ANNOUNCE_S), GenerationStart(model, expected_s, expires_in_s, note)
        )

    async def list_generations(self) -> GenerationsAnswer:
        """The announced generations that are open: sweeps make way for them."""
        return await self._ask(questions.list_generations())

    async def start_generation(
        self, model: str | None = None, *, expected_s: float | None = None, expires_in_s: float | None = None, note: str = ""
    ) -> Generation:
        """Announce one; as `generating`, but it is for you to end it, and you hear where it cannot be announced."""
        start = GenerationStart(model, expected_s, expires_in_s, note)
        return (await self._ask(questions.start_generation(start))).generation

    async def renew_generation(self, number: int, expires_in_s: float = USUAL_S) -> Generation:
        """It takes longer: it expires so long from now instead."""
        return (await self._ask(questions.renew_generation(number, expires_in_s))).generation

    async def end_generation(self, number: int) -> GenerationEndAnswer:
        """It has ended; to say so twice does no harm."""
        return await self._ask(questions.end_generation(number))

    async def list_alerts(self, query: AlertsQuery = AlertsQuery()) -> AlertsAnswer:  # noqa: B008 - it is frozen
        """What is open, the gravest first, then what ended lately."""
        return await self._ask(questions.list_alerts(query))

    async def acknowledge_alert(self, number: int) -> AlertRow:
        """You know of it: no reminders until it gets worse, or ends and returns."""
        return (await self._ask(questions.acknowledge_alert(number))).alert

    async def test_alerts(self, kind: str | None = None) -> tuple[str, ...]:
        """Send a test of one kind, or of each class, to where alerts go; returns the kinds."""
        return (await self._ask(questions.test_alerts(kind))).tested

    async def set_log_level(self, level: LogLevel) -> None:
        """What the daemon logs from now on."""
        await self._ask(questions.set_log_level(level))

    async def reload(self) -> int:
        """Have the daemon read its configuration anew; a bad one is refused, and the old one stays in force.

        It is in force when there is an event `config-reloaded` after the number that this returns.
        """
        return (await self._ask(questions.reload())).last_event

    async def list_events(self, query: EventsQuery = EventsQuery()) -> EventsAnswer:  # noqa: B008 - it is frozen
        """One page of stored events in order."""
        return await self._ask(questions.list_events(query))

    async def events(
        self,
        since: int = 0,
        *,
        stream: str | None = None,
        ends: bool = False,
        on_missed: OnMissed | None = None,
        patience_s: float = PATIENCE_S,
    ) -> AsyncIterator[Event]:
        """Events in order, then each as it happens. A restart of the daemon is waited for; none is missed or told twice.

        To go on after a restart of your own program, keep the `seq` and the `stream` of the last event that you have dealt
        with, and hand them in.

        Args:
            since: only events after this number; 0: all that are kept; for news alone `(await client.status()).last_event`.
            stream: the `stream` of the event with that number; without it, it is taken for one of the daemon's present stream.
            ends: end with the last event that there is, instead of waiting for more.
            on_missed: called where events cannot be told any more (the daemon began a new history, or they were rolled up),
                before it goes on with those that are left; without it EventsMissed is raised.
            patience_s: how long the daemon may be unreachable; math.inf for ever.

        Raises:
            EventsMissed: see `on_missed`.
            DaemonUnreachable: it was away for longer than `patience_s`.
        """
        how = Following(since, stream, ends=ends, on_missed=on_missed, patience_s=patience_s)
        async for event in self._perform(Performance(follow(how))):
            yield event

    async def _perform(self, performance: Performance[T]) -> AsyncIterator[Event]:
        """Do what the script says until its end; its events come out."""
        while (step := performance.step) is not None:
            if isinstance(step, Question):
                await self._answer(step, performance)
                continue
            if isinstance(step, Rest):
                await asyncio.sleep(step.seconds)
            else:
                yield step
            performance.go_on()

    async def _answer(self, question: Question[T], performance: Performance[P]) -> None:
        try:
            answer = await self._ask(question)
        except ClientError as error:
            performance.fail(error)
        else:
            performance.go_on(answer)

    async def _ask(self, question: Question[T], most_s: float | None = None) -> T:
        timeout_s = (self._timeout_s if most_s is None else min(most_s, self._timeout_s)) + question.wait_s
        answer = await exchange(self._places, question.method, question.target, question.body, timeout_s)
        self._versions.look(answer)
        return understand(question, answer)
