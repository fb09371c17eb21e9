"""Conducting sweeps: who asked for which, one at a time, and what they found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from wan_healthd.domain.alerts import SWEEP_FINISHED
from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.ports import Clock
from wan_healthd.services.alert import Alerter
from wan_healthd.services.crew import Crew
from wan_healthd.services.feed import Feed
from wan_healthd.services.orders import Order
from wan_healthd.services.pause import Pauses
from wan_healthd.services.queue import Priority, Ticket
from wan_healthd.services.rounds import Rounds
from wan_healthd.services.steps import folders_above
from wan_healthd.services.sweep import Sweeper
from wan_healthd.store import alerts, contents, events, timers
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database

INCREMENTAL = "incremental-sweep"
FULL = "full-sweep"

MOST_FOLDERS = 1000
"""Beyond this many folders that wait to be swept, their roots are swept instead."""


class _Request(Struct, frozen=True):
    """A folder to be swept; `is_retold`: see `Conductor.ask_folder`."""

    root: bytes
    folder: bytes
    is_retold: bool = False


class Running(Struct, frozen=True):
    """A sweep under way: what it is, when it began, and its files, which grow in number while it walks."""

    name: str
    began: datetime
    ticket: Ticket


class Conductor:
    """Runs sweeps of all roots one after the other, and beside them those of single folders, which nobody shall wait for.

    Asking twice for what already waits asks once. While sweeps are paused none begins; folders are looked at all the same.

    Args:
        roots: absolute.
        complain: told of sweeps that failed.
        sweep_begins: called when a sweep of all roots does.
    """

    def __init__(
        self,
        *,
        sweeper: Sweeper,
        rounds: Rounds,
        pauses: Pauses,
        database: Database,
        clock: Clock,
        alerter: Alerter,
        feed: Feed,
        roots: Sequence[bytes],
        crew: Crew,
        complain: Callable[[str, BaseException], None],
        sweep_begins: Callable[[], None] = lambda: None,
        after_sweep: Callable[[], None] = lambda: None,
    ) -> None:
        self._after_sweep = [after_sweep]
        self._sweep_begins = sweep_begins
        self._sweeper = sweeper
        self._rounds = rounds
        self._pauses = pauses
        self._database = database
        self._clock = clock
        self._alerter = alerter
        self._feed = feed
        self._roots = tuple(roots)
        self._complain = complain
        self._sweeps: asyncio.Queue[str] = asyncio.Queue()
        self._folders: dict[bytes, asyncio.Queue[_Request]] = {root: asyncio.Queue() for root in self._roots}
        self._asked: set[str | _Request] = set()
        self._running: list[Running] = []
        self._waiters: dict[str, list[asyncio.Future[str]]] = {}
        self._unclaimed: dict[bytes, int] = {}
        self._crew = crew

    @property
    def unclaimed_count(self) -> int:
        """Files below the roots that belong to no model, as of the last sweep of each."""
        return sum(self._unclaimed.values())

    @property
    def running(self) -> tuple[Running, ...]:
        """Sweeps of all roots that are not done yet."""
        return tuple(self._running)

    @property
    def waiting_sweeps(self) -> tuple[str, ...]:
        """Sweeps of all roots that were asked for and did not begin, perhaps because they are paused."""
        return tuple(sorted(request for request in self._asked if isinstance(request, str)))

    @property
    def is_due(self) -> bool:
        """Whether a sweep of all roots is under way, or would be."""
        return bool(self._running or self.waiting_sweeps)

    @property
    def waiting(self) -> int:
        """Sweeps that were asked for and did not begin."""
        return len(self._asked)

    def after_sweep(self, act: Callable[[], None]) -> None:
        """Have `act` called, too, whenever a sweep of all roots is done; it must neither wait nor raise."""
        self._after_sweep.append(act)

    def ask(self, name: str) -> None:
        """Have a sweep of all roots: INCREMENTAL or FULL. Does not wait."""
        if name not in self._asked:
            self._asked.add(name)
            self._sweeps.put_nowait(name)

    async def sweep_now(self, name: str) -> str:
        """Have a sweep of all roots that begins from now on, and wait for its end; returns what is told of it."""
        waiter: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(name, []).append(waiter)
        self.ask(name)
        return await waiter

    async def retell(self, root: bytes, folder: bytes) -> None:
        """Have all that is known of a folder judged again, since other things are said of it; returns when that is done."""
        ticket = Ticket()
        await self._sweeper.sweep(root, folder, Order(Priority.RETOLD), ticket)
        await ticket.wait()

    def ask_folder(self, root: bytes, folder: bytes, *, is_retold: bool = False) -> None:
        """Have one folder looked at again, unless that or more waits already. Does not wait.

        `is_retold`: other things are said of the files there, so that also what did not change is judged again.
        """
        if len(self._asked) >= MOST_FOLDERS:
            folder = root
        places = (*folders_above(root, folder), folder)
        enough = [_Request(root, place, kind) for place in places for kind in {is_retold, True}]
        if self._asked.isdisjoint(enough):
            request = _Request(root, folder, is_retold)
            self._asked.add(request)
            self._folders[root].put_nowait(request)

    async def run(self) -> None:
        """Sweep whenever asked, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._run_sweeps())
            for requests in self._folders.values():  # a root that does not answer holds up no other
                group.create_task(self._run_folders(requests))

    async def _run_folders(self, requests: asyncio.Queue[_Request]) -> None:
        while True:
            request = await requests.get()
            self._asked.discard(request)
            order = Order(Priority.RETOLD if request.is_retold else Priority.CHANGED)
            try:
                await self._sweeper.sweep(request.root, request.folder, order, Ticket())
            except Exception as error:  # the boundary that isolates one sweep: the next must run whatever came of this
                self._complain("sweeping a folder", error)

    async def _run_sweeps(self) -> None:
        while True:
            name = await self._sweeps.get()
            await self._pauses.over()
            self._asked.discard(name)
            waiters = self._waiters.pop(name, [])
            self._sweep_begins()
            try:
                await self._conduct(name, waiters)
            except Exception as error:  # likewise; who waits for it is told
                self._complain("sweeping", error)
                _fail(waiters, error)

    async def sweep_all(self, order: Order, ticket: Ticket) -> list[bytes]:
        """Walk all roots now; returns the unclaimed files (a bounded number of them)."""
        unclaimed: list[bytes] = []
        for root in self._roots:
            found = await self._sweeper.sweep(root, root, order, ticket)
            self._unclaimed[root] = found.unclaimed_count
            unclaimed.extend(found.unclaimed)
        await self._alerter.tell_due()
        return unclaimed

    async def _conduct(self, name: str, waiters: list[asyncio.Future[str]]) -> None:
        """Walk; a full sweep then reads again what was verified longest ago, and goes on where it was interrupted."""
        now = self._clock.now()
        began = now if name != FULL else await self._database.write(lambda db: timers.begin(db, name, now))
        running = Running(name, began, Ticket())
        self._running.append(running)
        try:
            await self.sweep_all(Order(Priority.DUE, thorough=name == FULL), running.ticket)
            if name == FULL:
                await self._rounds.enqueue(began, running.ticket)
        except BaseException:
            self._running.remove(running)
            raise
        self._crew.start(self._finish(running, waiters))

    async def _finish(self, running: Running, waiters: list[asyncio.Future[str]]) -> None:
        """Once everything that the sweep enqueued is judged, it is done; a restart before that lets it go on."""
        name, started, ticket = running.name, running.began, running.ticket
        await ticket.wait()
        self._running.remove(running)
        now = self._clock.now()
        seconds = (now - started).total_seconds()
        told = f"{name.replace('-', ' ')} finished: {ticket.issued} files judged in {seconds:.1f} s"
        event = NewEvent(now, EventKind.SWEEP_FINISHED, told)

        def record(connection: Connection) -> bool:
            timers.ran(connection, name, started)
            contents.forget_unused(connection)  # what files were before they changed
            events.append(connection, [event])
            return alerts.changed_since(connection, started)

        try:
            has_changed = await self._database.write(record)
        except StoreUnusable as error:  # a full disk must not end the house: the sweep counts as not done
            self._complain("recording a sweep", error)
            _fail(waiters, error)
            return
        self._feed.stirred()
        for act in self._after_sweep:
            act()
        if name == FULL or waiters or has_changed:  # that nothing happened again is no news
            self._alerter.tell(SWEEP_FINISHED, told)
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(told)


def _fail(waiters: Iterable[asyncio.Future[str]], error: Exception) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_exception(error)
