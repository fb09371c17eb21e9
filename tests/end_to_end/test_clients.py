"""Crowds of clients, some of them hostile: they harm neither the daemon nor one another."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psutil

from tests.fakes.safetensors_files import sample
from tests.support.crowd import CUT_OFF, DECLARED, GARBAGE, GIB, HALF_SENT, HEAD, Crowd, all_of
from tests.support.daemons import Home, RunningDaemon

EVERYBODY = 500 if os.geteuid() == 0 else 100
"""Of one user who is not root at most 128 are let in."""

STALLED = HOSTILE = EVERYBODY // 10
HONEST = EVERYBODY - STALLED - HOSTILE
ASKS_EACH = 5
MOST_GROWTH_BYTES = 96 << 20
SWEPT = 24
DESCRIPTORS = 256


class Memory:
    """Watches what a process takes, and the most that it took."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.before = self.most = self._process.memory_info().rss
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def growth(self) -> int:
        return self.most - self.before

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.most = max(self.most, self._process.memory_info().rss)


async def storm(crowd: Crowd) -> tuple[Counter[int], list[Any], list[int]]:
    """Everybody at once; the statuses that the honest ones got, those of the hostile ones, and how much they poured in."""
    end = asyncio.Event()
    requests = [HALF_SENT, HEAD % b"/v1/report" + b"\r\n"]
    stalled = [asyncio.create_task(crowd.stall(requests[number % 2], end)) for number in range(STALLED)]
    pouring = [asyncio.create_task(crowd.pour()) for _ in range(HOSTILE // 3)]
    hostile = [crowd.send((GARBAGE, DECLARED)[number % 2]) for number in range(HOSTILE - HOSTILE // 3)]
    honest = [crowd.ask("/v1/status", ASKS_EACH) for _ in range(HONEST)]
    answers = await all_of([*hostile, *honest])
    poured = await all_of([asyncio.wait_for(task, 20) for task in pouring])
    end.set()
    await all_of([asyncio.wait_for(task, 5) for task in stalled])
    told = Counter(status for statuses in answers[len(hostile) :] for status in statuses)
    return told, answers[: len(hostile)], poured


def test_a_storm_of_clients_harms_nobody(home: Home) -> None:
    for number in range(SWEPT):
        home.put(f"model-{number}.safetensors", sample(number, 2_000_000, 8))
    with home.running() as daemon:
        daemon.control.await_kind(0, "sweep-finished")
        read_before = daemon.control.status()["activity"]["bytes_read"]
        sweep = daemon.control.post("/v1/sweeps", {"full": True})["job"]
        with Memory(daemon.process.pid) as memory:
            began = time.monotonic()
            told, refused, poured = asyncio.run(storm(Crowd(home.socket)))
            took_s = time.monotonic() - began
        assert told == Counter({200: HONEST * ASKS_EACH})
        assert set(refused) <= {400, 413, CUT_OFF}
        assert min(refused.count(400), refused.count(413)) > 0
        assert max(poured) < GIB  # the answer stands at once, and a second later the connection is cut
        sizes = f"RSS {memory.before / 1e6:.0f} MB before, {memory.most / 1e6:.0f} MB at most"
        print(f"{EVERYBODY} clients in {took_s:.1f} s; {sizes}")
        assert memory.growth < MOST_GROWTH_BYTES
        assert daemon.control.await_end(sweep["id"])["state"] == "done"
        assert daemon.control.status()["activity"]["bytes_read"] >= read_before + SWEPT * 2_000_000
        assert "request-failed" not in daemon.said()


def test_idle_connections_never_exhaust_the_descriptors(home: Home) -> None:
    with contextlib.ExitStack() as life:
        with descriptors(DESCRIPTORS):
            daemon = life.enter_context(home.running())
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                for _ in range(200):
                    connect(home, stack)
                assert open_files(daemon) < DESCRIPTORS * 7 // 8  # who is turned away has to be let in for that
                assert asyncio.run(Crowd(home.socket).ask("/v1/status")) == [200]
        assert "Too many open files" not in daemon.said()


def test_long_polls_hold_nobody_up(home: Home) -> None:
    async def polls(crowd: Crowd, since: int) -> list[list[int]]:
        waiting = [crowd.ask(f"/v1/events?since={since}&wait_s=20") for _ in range(EVERYBODY // 2)]
        change = asyncio.to_thread(begin)
        return (await all_of([*waiting, change]))[:-1]

    def begin() -> None:
        time.sleep(1.0)
        began = time.monotonic()
        daemon.control.status()
        assert time.monotonic() - began < 2.0
        home.put("new.safetensors", sample(1, 100_000, 4))

    with home.running() as daemon:
        daemon.control.await_kind(0, "sweep-finished")
        began = time.monotonic()
        answers = asyncio.run(polls(Crowd(home.socket), daemon.control.last_event()))
        assert answers == [[200]] * (EVERYBODY // 2)
        assert time.monotonic() - began < 15


@contextlib.contextmanager
def descriptors(soft: int) -> Iterator[None]:
    """What is started within may open so many files."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


def connect(home: Home, stack: contextlib.ExitStack) -> None:
    """One more connection that asks nothing."""
    connection = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    connection.connect(str(home.socket))


def open_files(daemon: RunningDaemon) -> int:
    return psutil.Process(daemon.process.pid).num_fds()
