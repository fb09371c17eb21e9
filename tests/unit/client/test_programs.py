"""The clients for programs, against the real server: every verb, typed answers, refusals, checks, events."""

from __future__ import annotations

import inspect
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.facade import AWKWARD, DAMAGED, SOUND, STREAM, job_failure
from tests.fakes.serving import Served, serving
from tests.unit.client.programs import CLIENTS, Awaiting, Blocking
from wan_healthd.client import (
    AsyncHealthClient,
    CheckLost,
    DaemonUnreachable,
    EventsMissed,
    HealthClient,
    Refused,
    VersionMismatch,
    WaitedTooLong,
)
from wan_healthd.domain.events import EventKind
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.version import __version__
from wan_healthd.wire.answers import JobRow
from wan_healthd.wire.facade import HealthFacade
from wan_healthd.wire.requests import EventsQuery

CHECKOUT = Path(__file__).parents[3]
HEAVY = ("aiohttp", "apscheduler", "sqlite3", "structlog", "watchdog", "psutil", "blake3")

Program = Callable[..., Blocking]


@pytest.fixture(params=CLIENTS, ids=["blocking", "awaiting"])
def program(request: pytest.FixtureRequest) -> Program:
    made: Program = request.param
    return made


@pytest.fixture
def asked(program: Program, served: Served) -> Blocking:
    return program(served.path)


# Every verb


def verbs(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


@pytest.mark.parametrize("client", [HealthClient, AsyncHealthClient])
def test_every_verb_of_the_product_is_there(client: type) -> None:
    assert verbs(HealthFacade) - verbs(client) == set()


def test_both_clients_offer_the_same() -> None:
    assert verbs(HealthClient) == verbs(AsyncHealthClient)
    for name in verbs(HealthClient):
        blocking, awaiting = (inspect.signature(getattr(client, name)) for client in (HealthClient, AsyncHealthClient))
        assert blocking.parameters == awaiting.parameters


def test_looking(asked: Blocking) -> None:
    assert asked.ask("status").models == asked.ask("list_models").models
    assert asked.ask("version").version == __version__
    assert asked.ask("get_model", AWKWARD).model_id == AWKWARD
    assert asked.ask("list_files", DAMAGED).files[1].findings[0].ranges[0].length == 2 << 20
    assert asked.ask("get_corruption", DAMAGED).corruption_detected
    assert asked.ask("get_health_report").models_corrupted == 1
    assert asked.ask("list_jobs").jobs == ()
    assert asked.ask("list_sweeps").paused is None
    assert [row.id for row in asked.ask("list_alerts").alerts] == [3, 2]
    assert [event.seq for event in asked.ask("list_events", EventsQuery(since=3)).events] == [7, 8]


def test_acting(asked: Blocking, served: Served) -> None:
    assert asked.ask("pause_sweeps", "maintenance").paused.reason == "maintenance"
    assert asked.ask("start_sweep", full=True).kind == "full-sweep"
    assert asked.ask("resume_sweeps").paused is None
    assert asked.ask("acknowledge_alert", 3).acked_by is not None
    assert asked.ask("test_alerts", "corruption-found") == ("corruption-found",)
    assert len(asked.ask("test_alerts")) > 1
    files = asked.ask("list_files", DAMAGED).files
    assert not asked.ask("trust", DAMAGED, [files[1].path], "meant").is_healthy
    assert asked.ask("trust", DAMAGED).is_healthy
    assert [(call[0], call[1], call[3]) for call in served.facade.trusted] == [
        (DAMAGED, (files[1].path,), "meant"),
        (DAMAGED, (), ""),
    ]


def test_what_may_be_loaded(asked: Blocking) -> None:
    assert asked.ask("is_available", SOUND)
    assert not asked.ask("is_available", DAMAGED)
    assert not asked.ask("is_available", "nobody/knows")
    assert asked.ask("gate", DAMAGED).reason


def test_a_refusal_has_the_daemons_code_and_cure(asked: Blocking) -> None:
    error = asked.raises("get_model", "nobody\x1b")
    assert isinstance(error, Refused)
    assert (error.code, error.message) == ("model-not-found", "cannot find the model nobody\\x1b")
    assert "healthctl status" in error.suggestion


def test_nobody_there_is_diagnosed(program: Program, tmp_path: Path) -> None:
    error = program(tmp_path / "nowhere").raises("is_available", SOUND)
    assert isinstance(error, DaemonUnreachable)
    assert "there is no socket at" in error.message
    assert "start it with" in error.suggestion


# Checks


def test_a_check_is_waited_for(asked: Blocking, served: Served) -> None:
    seen: list[JobRow] = []
    served.facade.hold = True

    def progress(job: JobRow) -> None:
        seen.append(job)
        served.facade.hold = len(seen) < 3

    result = asked.ask("check", DAMAGED, full=True, progress=progress)
    assert result.health_status is HealthStatus.CORRUPTED
    assert [job.state for job in seen] == ["running", "running", "running", "done"]
    assert served.facade.jobs[0].kind == "full-check"


def test_a_check_that_fails_says_why(asked: Blocking, served: Served) -> None:
    served.facade.failure = job_failure()
    error = asked.raises("check", SOUND)
    assert (type(error), error.code) == (Refused, "worker-failed")


def test_a_check_is_not_waited_for_for_ever(asked: Blocking, served: Served) -> None:
    served.facade.hold = True
    error = asked.raises("check", SOUND, timeout_s=0.2)
    assert isinstance(error, WaitedTooLong)
    assert "after 0.2 s" in error.message
    assert served.facade.jobs[0].state == "running"


def test_a_check_that_a_restart_has_lost(asked: Blocking, served: Served) -> None:
    served.facade.hold = True
    error = asked.raises("check", SOUND, progress=lambda _job: served.facade.jobs.clear())
    assert isinstance(error, CheckLost)


# Events


def test_stored_events_end_where_they_end(asked: Blocking) -> None:
    assert [event.seq for event in asked.stored()] == [1, 2, 3, 7, 8]


def test_news_are_told_as_they_come(asked: Blocking, served: Served) -> None:
    def more(count: int) -> None:
        if count >= 2:
            served.call_soon(lambda: served.facade.tell(EventKind.FINDING_CLEARED, SOUND))

    taken = asked.take(5, since=3, then=more)
    assert [event.seq for event in taken] == [7, 8, 9, 10, 11]
    assert {event.stream for event in taken} == {STREAM}


def test_a_history_of_another_name_is_never_taken_for_the_old_one(asked: Blocking) -> None:
    with pytest.raises(EventsMissed) as missed:
        asked.take(1, since=3, stream="the one before")
    assert (missed.value.is_new_stream, missed.value.stream) == (True, STREAM)
    told: list[EventsMissed] = []
    taken = asked.take(2, since=7, stream="the one before", on_missed=told.append)
    assert [event.seq for event in taken] == [1, 2]
    assert [error.is_new_stream for error in told] == [True]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_daemon_that_stays_away_is_given_up(client: Program, tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        program, path = client(served.path), served.path
        assert program.take(1)
    Path(path).unlink(missing_ok=True)
    with pytest.raises(DaemonUnreachable, match="no socket"):
        program.take(1, patience_s=0.3)


# Versions, imports


def test_another_version_is_warned_of_once(program: Program, tmp_path: Path) -> None:
    with serving(tmp_path, version="9.9") as served:
        asked = program(served.path)
        with pytest.warns(VersionMismatch, match=r"9\.9"):
            asked.ask("status")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            asked.ask("status")
    client = asked.asking if isinstance(asked, Awaiting) else asked.client
    assert client.daemon_version == "9.9"


@pytest.mark.parametrize(("name", "also_not"), [("HealthClient", ("asyncio",)), ("AsyncHealthClient", ())])
def test_importing_a_client_stays_cheap(name: str, also_not: tuple[str, ...]) -> None:
    heavy = {*HEAVY, *also_not}
    program = f"import sys; from wan_healthd.client import {name}; print(*sorted(set(sys.modules) & {heavy!r}))"
    outcome = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, timeout=30, check=True
    )
    assert outcome.stdout.split() == []


def test_other_names_are_not_there() -> None:
    import wan_healthd.client

    with pytest.raises(AttributeError, match="nonsense"):
        _ = wan_healthd.client.nonsense
