"""A generation announced around the work, by both clients: it is open within the block, and nothing ever breaks the block."""

from __future__ import annotations

import asyncio
import inspect
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.facade import NOW
from tests.fakes.serving import Served, serving
from tests.unit.client.programs import CLIENTS, IMPATIENT_S, Awaiting, Blocking
from wan_healthd.client import Refused
from wan_healthd.client.generating import AsyncGenerating, Generating

Program = Callable[..., Blocking]
Ongoing = Generating | AsyncGenerating


@pytest.fixture(params=CLIENTS, ids=["blocking", "awaiting"])
def program(request: pytest.FixtureRequest) -> Program:
    made: Program = request.param
    return made


def generate(asked: Blocking, work: Callable[[Ongoing], Any], *words: Any, **named: Any) -> Ongoing:
    """Do the work within the block of either client; where it returns a coroutine, that is awaited."""
    if not isinstance(asked, Awaiting):
        with asked.client.generating(*words, **named) as ongoing:
            work(ongoing)
        return ongoing

    async def generating() -> AsyncGenerating:
        async with asked.asking.generating(*words, **named) as ongoing:
            if inspect.isawaitable(done := work(ongoing)):
                await done
        return ongoing

    return asyncio.run(generating())


def test_it_is_open_within_the_block(program: Program, served: Served) -> None:
    seen: list[tuple[int | None, object]] = []
    ongoing = generate(
        program(served.path),
        lambda ongoing: seen.append((ongoing.number, served.facade.generations[0].ended_at)),
        "wan",
        expected_s=300.0,
        note="batch 7",
    )
    assert (seen, ongoing.number) == ([(1, None)], None)
    [row] = served.facade.generations
    assert (row.model_id, row.note, row.ended_at) == ("wan", "batch 7", NOW)
    assert (row.expires_at - NOW).total_seconds() == 1200


def test_it_ends_with_what_the_block_raises(program: Program, served: Served) -> None:
    def fail(_ongoing: Ongoing) -> None:
        raise MemoryError("CUDA out of memory")

    with pytest.raises(MemoryError):
        generate(program(served.path), fail)
    assert served.facade.generations[0].ended_at == NOW


def test_what_takes_longer_is_renewed(program: Program, served: Served) -> None:
    generate(program(served.path), lambda ongoing: ongoing.renew(7200.0))
    assert (served.facade.generations[0].expires_at - NOW).total_seconds() == 7200


def test_who_wants_to_hear_of_failures_says_so(program: Program, served: Served) -> None:
    asked = program(served.path)
    begun = asked.ask("start_generation", "wan", expires_in_s=60.0)
    assert asked.ask("renew_generation", begun.id).id == begun.id
    assert asked.ask("list_generations").generations[0].model_id == "wan"
    assert [asked.ask("end_generation", begun.id).was_open for _ in range(2)] == [True, False]
    assert isinstance(asked.raises("end_generation", 99), Refused)
    assert asked.raises("start_generation", note="x" * 201).code == "invalid-request"


def worked_in_spite(asked: Blocking, caplog: pytest.LogCaptureFixture, *words: Any) -> list[str]:
    """What was logged while the block ran all the same."""
    numbers: list[int | None] = []

    def work(ongoing: Ongoing) -> Any:
        numbers.append(ongoing.number)
        return ongoing.renew()

    with caplog.at_level(logging.WARNING, "wan_healthd.client"):
        generate(asked, work, *words)
    assert numbers == [None]
    return [record.getMessage() for record in caplog.records if record.name == "wan_healthd.client"]


def test_nobody_there(program: Program, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    [told] = worked_in_spite(program(tmp_path / "nowhere"), caplog)
    assert told.startswith("the generation is not announced, and goes on: cannot reach wan-healthd")


def test_somebody_who_never_answers(program: Program, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        [told] = worked_in_spite(program(tmp_path / "s", timeout_s=IMPATIENT_S), caplog)
    assert "cannot wait longer" in told


@pytest.mark.parametrize("name", ["", "\udcff", "x" * 1000])
def test_a_name_that_cannot_be(program: Program, served: Served, caplog: pytest.LogCaptureFixture, name: str) -> None:
    assert len(worked_in_spite(program(served.path), caplog, name)) == 1
    assert served.facade.generations == []


@pytest.mark.filterwarnings("error")
def test_another_version_where_warnings_are_errors(program: Program, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving(tmp_path, version="99.0") as served:
        assert len(worked_in_spite(program(served.path), caplog)) == 1


def test_a_daemon_that_goes_meanwhile(program: Program, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving(tmp_path) as served:
        asked = program(served.path)
        with caplog.at_level(logging.WARNING, "wan_healthd.client"):
            generate(asked, lambda ongoing: Path(served.path).rename(tmp_path / "gone"))
        Path(tmp_path / "gone").rename(served.path)
    assert ["ended" in record.getMessage() for record in caplog.records if record.name == "wan_healthd.client"] == [True]
