"""A daemon that is killed again and again, and what must hold after each kill.

The seed decides what happens to the files and when the kills fall; what the daemon was doing then is up to the machine.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import psutil

from tests.support.autopsy import autopsy
from tests.support.besieged_tree import Tree
from tests.support.control import Document, until
from tests.support.daemons import STOP_S, Ear, Home, RunningDaemon
from tests.support.damage import BLOCK_BYTES
from tests.support.witness import Witness, records_of, untold

LONGEST_LIFE_S = 0.6
LONGEST_START_S = 1.5
AIM_S = 5.0
"""How long a kill waits for the moment that it is aimed at."""
READS_AT_ONCE = 2
"""Files that a sweep reads at a time (`BACKGROUND_LANES`), stated here anew."""


class Siege:
    """Attributes: `kills` so far, by where they fell; `story` is what was done, for whoever has to understand a failure."""

    def __init__(self, home: Home, tree: Tree, rng: random.Random) -> None:
        self.rng = rng
        self.home = home
        self.tree = tree
        self.story: list[str] = []
        self.kills: dict[str, int] = {}
        self.witness = Witness(tree)
        self._moments: dict[str, Callable[[], None]] = {
            "while it starts": self._while_it_starts,
            "while it starts to work": self._while_it_starts_to_work,
            "at any time": self._at_any_time,
            "after an event": self._after_an_event,
            "in a write": self._in_a_write,
            "in a scrub": self._in_a_scrub,
        }
        self._to_come: list[str] = []
        self._left: int | None = None
        self._goes_on = False
        """Whether a full sweep was under way when the daemon died."""

    def strike(self) -> None:
        """One life of the daemon, from its start to the kill."""
        if not self._to_come:
            self._to_come = self.rng.sample(sorted(self._moments), len(self._moments))
        moment = self._to_come.pop()
        self.story.append(f"kill {sum(self.kills.values()) + 1}: {moment}")
        self._moments[moment]()
        self.kills[moment] = self.kills.get(moment, 0) + 1
        self._look_at_what_is_left()

    def settle(self) -> None:
        """One life that is not cut short: everything is known in the end, and people were told of it."""
        self.story.append("a life to its end")
        with self._alive() as daemon:
            self._rest(daemon)
            until(lambda: None if untold(daemon.control) else {}, "people were told of everything")
            self.witness.read_all(daemon.control)
            assert daemon.stop() == 0
        self._look_at_what_is_left()

    # Where the kill falls

    def _while_it_starts(self) -> None:
        with self._born() as daemon:
            time.sleep(self.rng.uniform(0, LONGEST_START_S))
            self._kill(daemon)

    def _while_it_starts_to_work(self) -> None:
        with self._alive() as daemon:
            time.sleep(self.rng.uniform(0, LONGEST_LIFE_S))
            self._kill(daemon)

    def _at_any_time(self) -> None:
        with self._alive() as daemon:
            daemon.control.post("/v1/sweeps", {"full": True})
            self._stir_for(self.rng.uniform(0, LONGEST_LIFE_S))
            self.witness.read_all(daemon.control)
            time.sleep(self.rng.uniform(0, LONGEST_LIFE_S / 2))
            self._kill(daemon)

    def _after_an_event(self) -> None:
        with self._alive() as daemon:
            self._rest(daemon)
            since = daemon.control.last_event()
            daemon.control.post("/v1/sweeps", {"full": True})
            for _ in range(3):
                self._act()
            self._aim(lambda: daemon.control.last_event() > since)
            self.witness.read_all(daemon.control)
            self._kill(daemon)

    def _in_a_write(self) -> None:
        with self._alive() as daemon:
            daemon.control.post("/v1/sweeps", {"full": True})
            self._act()
            log = self.home.database.with_name(self.home.database.name + "-wal")
            for _ in range(self.rng.randint(1, 8)):
                self._aim(_grows(log), every_s=0)
            self._kill(daemon)

    def _in_a_scrub(self) -> None:
        with self._alive() as daemon:
            self._rest(daemon)
            before = daemon.control.status()["activity"]["bytes_read"]
            wanted = self.rng.uniform(0, 1) * self.tree.size_bytes
            daemon.control.post("/v1/sweeps", {"full": True})
            self._aim(lambda: daemon.control.status()["activity"]["bytes_read"] - before >= wanted)
            done = daemon.control.status()["activity"]["bytes_read"] - before
            self._kill(daemon)
        under_way = sorted((slot.size_bytes for slot in self.tree.slots if slot.is_there), reverse=True)[:READS_AT_ONCE]
        with autopsy(self.home.database, self.home.folder / "autopsy") as remains:
            left = remains.bytes_left(slot.path for slot in self.tree.slots if slot.is_there)
        assert left <= self.tree.size_bytes - done + sum(under_way) + self._in_part_blocks, "what was read was not saved"

    # What is done meanwhile

    def _stir_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._act()
            time.sleep(self.rng.uniform(0, seconds / 3))

    def _act(self) -> None:
        self.story.append(self.tree.act())

    def _aim(self, is_moment: Callable[[], bool], every_s: float = 0.002) -> None:
        """Wait for the moment; one that does not come is no failure, only a kill at another one."""
        end = time.monotonic() + AIM_S
        while not is_moment() and time.monotonic() < end:
            time.sleep(every_s)

    # What must hold

    @contextmanager
    def _born(self) -> Iterator[RunningDaemon]:
        with closing(Ear(self.home.folder / "notify")) as ear:
            daemon = RunningDaemon(self.home, ear, {})
            try:
                yield daemon
            finally:
                daemon.put_down()

    @contextmanager
    def _alive(self) -> Iterator[RunningDaemon]:
        """A daemon that is ready, of which nothing was asked yet; what was known before is known now."""
        with self._born() as daemon:
            daemon.await_ready()
            self.witness.compare_damage(daemon.control)
            self.witness.read_all(daemon.control)
            assert daemon.alerts("state-restored") == []
            yield daemon

    def _rest(self, daemon: RunningDaemon) -> None:
        """Wait until everything is judged, and right; nothing was read for that but what had to be."""
        control = daemon.control
        born = next(event["seq"] for event in reversed(control.events()) if event["kind"] == "daemon-started")
        for name in ("incremental", "full") if self._goes_on else ("incremental",):
            control.await_event(born, partial(_is_end_of, name))
        if self.tree.is_rotting:  # the round under way may have passed by before it rotted
            control.result_of(control.post("/v1/sweeps", {"full": True})["job"]["id"])
        until(lambda: self.witness.if_all_is_right(control), "everything is judged, and right")
        self.witness.read_all(control)
        assert all(slot.issues for slot in self.tree.slots if slot.is_there and slot.flips)
        read = control.status()["activity"]["bytes_read"]
        if self._left is not None and not self.tree.is_rotting:
            # What is known as damaged is looked at by every sweep, block by block.
            most = self._left + 2 * self._in_part_blocks
            assert read <= most, f"{read} bytes were read, but only {self._left} were left to be read"
            self._left = None

    @property
    def _in_part_blocks(self) -> int:
        return BLOCK_BYTES * (len(self.tree.slots) + sum(len(slot.flips) for slot in self.tree.slots))

    def _kill(self, daemon: RunningDaemon) -> None:
        workers = psutil.Process(daemon.process.pid).children()
        daemon.kill()
        for worker in workers:
            worker.wait(STOP_S)

    def _look_at_what_is_left(self) -> None:
        """The state is sound; sometimes something happens while nobody watches."""
        if not self.home.database.exists():
            return
        if self.rng.random() < 0.5:
            self._act()
        with autopsy(self.home.database, self.home.folder / "autopsy") as remains:
            remains.assert_sound()
            self._goes_on = remains.round_began is not None
            self._left = remains.bytes_left(slot.path for slot in self.tree.slots if slot.is_there)
            messages = "\n".join(record["MESSAGE"] for record in records_of(self.home))
            lost = [message for message in remains.told() if message not in messages]
            assert not lost, f"the ledger says that people were told of {lost}"


def _is_end_of(name: str, event: Document) -> bool:
    return event["kind"] == "sweep-finished" and str(event["message"]).startswith(name)


def _grows(log: Path) -> Callable[[], bool]:
    before = log.stat().st_mtime_ns
    return lambda: log.stat().st_mtime_ns != before
