"""Programs that follow the events while the daemon is killed, restarted, and begins a new history."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.control import until
from tests.support.daemons import Home
from tests.support.damage import edit, flip_bit
from tests.unit.client.programs import CLIENTS, Blocking
from wan_healthd.client import EventsMissed
from wan_healthd.domain.events import Event

MODEL = "wan.safetensors"
CONTENT = sample(7, 1_500_000, 6)
STARTS = 3

Program = Callable[..., Blocking]
pytestmark = pytest.mark.parametrize("program", CLIENTS, ids=["blocking", "awaiting"])


class Follower:
    """Follows in a thread of its own until it was told of so many starts of the daemon."""

    def __init__(self, asked: Blocking, starts: int) -> None:
        self.events: list[Event] = []
        self.missed: list[EventsMissed] = []
        self._asked = asked
        self._starts = starts

    def run(self) -> None:
        self._asked.take(
            10_000,
            on_missed=self.missed.append,
            patience_s=20,
            then=lambda _count: self.saw("daemon-started") >= self._starts,
            into=self.events,
        )

    def saw(self, kind: str) -> int:
        """How often."""
        return sum(event.kind == kind for event in self.events)


def eventually(happened: Callable[[], object], what: str) -> None:
    until(lambda: {} if happened() else None, what)


@contextmanager
def following(asked: Blocking, starts: int) -> Iterator[Follower]:
    follower = Follower(asked, starts)
    thread = threading.Thread(target=follower.run)
    thread.start()
    try:
        yield follower
    finally:
        thread.join(40)
        assert not thread.is_alive()


def test_restarts_lose_nothing_and_repeat_nothing(home: Home, program: Program) -> None:
    path = home.put(MODEL, CONTENT)
    asked = program(home.socket)
    with following(asked, STARTS) as follower:  # which waits for the daemon
        with home.running() as daemon:
            eventually(lambda: follower.saw("sweep-finished"), "the first sweep is told")
            daemon.kill()  # in the middle of a long poll
        with home.running() as daemon:
            eventually(lambda: follower.saw("daemon-started") == 2, "the second start is told")
            edit(path, flip_bit(700_000))
            eventually(lambda: follower.saw("finding-opened"), "the damage is told")
            daemon.stop()
        with home.running():
            eventually(lambda: follower.saw("daemon-started") == STARTS, "the third start is told")
            stored = asked.stored()
    assert follower.missed == []
    assert follower.events == stored[: len(follower.events)]
    assert [event.seq for event in follower.events] == sorted({event.seq for event in follower.events})


def test_a_new_history_is_told_as_such(home: Home, program: Program) -> None:
    home.put(MODEL, CONTENT)
    with following(program(home.socket), 2) as follower:
        with home.running():
            eventually(lambda: follower.saw("sweep-finished"), "the first sweep is told")
        rebuilt = home.run(["-m", "wan_healthd.daemon.main", "--rebuild-state"])
        assert rebuilt.returncode == 0, rebuilt.stderr
        with home.running():
            eventually(lambda: follower.saw("daemon-started") == 2, "the second start is told")
    (missed,) = follower.missed
    assert missed.is_new_stream
    old, new = (event.stream for event in follower.events if event.kind == "daemon-started")
    assert (old != new, missed.stream) == (True, new)


def test_whether_a_model_may_be_loaded_and_a_check(home: Home, program: Program) -> None:
    path = home.put(MODEL, CONTENT)
    asked = program(home.socket)
    with home.running():
        eventually(lambda: asked.ask("is_available", MODEL), "the model was read, and may be loaded")
        edit(path, flip_bit(700_000))
        looks: list[int] = []
        result = asked.ask("check", MODEL, full=True, progress=lambda job: looks.append(job.done_bytes))
        assert result.health_status == "corrupted"
        assert looks
        assert not asked.ask("is_available", MODEL)
        assert asked.ask("trust", MODEL, reason="a test").is_healthy
        eventually(lambda: asked.ask("is_available", MODEL), "what is trusted may be loaded")
