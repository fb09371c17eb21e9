"""Conducting sweeps: who asked for which, one at a time, and what they found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from wan_healthd.domain.alerts import SWEEP_FINISHED
from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.ports import Clock
from wan_healthd.services.absentees import Absentees
from wan_healthd.services.alert import Alerter
from wan_healthd.services.crew import Crew
from wan_healthd.services.feed import Feed
from wan_healthd.services.queue import Priority, Ticket
from wan_healthd.services.survey import folders_above
from wan_healthd.services.sweep import Order, Sweeper
from wan_healthd.store import contents, events, timers
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database

INCREMENTAL = "incremental-sweep"
FULL = "full-sweep"

MOST_FOLDERS = 1000
"""Beyond this many folders that wait to be swept, their roots are swept instead."""


class _Request(Struct, frozen=True):
    root: bytes
    folder: bytes


class Conductor:
    """Runs sweeps one after the other; asking twice for what already waits asks once.

    Args:
        roots: absolute.
        complain: told of sweeps that failed.
    """

    def __init__(
        self,
        *,
        sweeper: Sweeper,
        database: Database,
        clock: Clock,
        alerter: Alerter,
        absentees: Absentees,
        feed: Feed,
        roots: Sequence[bytes],
        crew: Crew,
        complain: Callable[[str, BaseException], None],
    ) -> None:
        self._sweeper = sweeper
        self._database = database
        self._clock = clock
        self._alerter = alerter
        self._absentees = absentees
        self._feed = feed
        self._roots = tuple(roots)
        self._complain = complain
        self._requests: asyncio.Queue[str | _Request] = asyncio.Queue()
        self._asked: set[str | _Request] = set()
        self._unclaimed: dict[bytes, int] = {}
        self._crew = crew

    @property
    def unclaimed_count(self) -> int:
        """Files below the roots that belong to no model, as of the last sweep of each."""
        return sum(self._unclaimed.values())

    @property
    def waiting(self) -> int:
        """Sweeps that were asked for and did not begin."""
        return len(self._asked)

    def ask(self, name: str) -> None:
        """Have a sweep of all roots: INCREMENTAL or FULL. Does not wait."""
        self._ask(name)

    def ask_folder(self, root: bytes, folder: bytes) -> None:
        """Have one folder looked at again, unless one above it waits already. Does not wait."""
        if len(self._asked) >= MOST_FOLDERS:
            folder = root
        above = [_Request(root, place) for place in folders_above(root, folder)]
        if self._asked.isdisjoint(above):
            self._ask(_Request(root, folder))

    async def run(self) -> None:
        """Sweep whenever asked, until cancelled."""
        while True:
            request = await self._requests.get()
            self._asked.discard(request)
            try:
                await self._conduct(request)
            except Exception as error:  # the boundary that isolates one sweep: the next must run whatever came of this
                self._complain("sweeping", error)

    async def sweep_all(self, order: Order, ticket: Ticket) -> list[bytes]:
        """Walk all roots now; returns the unclaimed files (a bounded number of them)."""
        unclaimed: list[bytes] = []
        for root in self._roots:
            found = await self._sweeper.sweep(root, root, order, ticket)
            self._unclaimed[root] = found.unclaimed_count
            unclaimed.extend(found.unclaimed)
        await self._absentees.tell()
        return unclaimed

    def _ask(self, request: str | _Request) -> None:
        if request not in self._asked:
            self._asked.add(request)
            self._requests.put_nowait(request)

    async def _conduct(self, request: str | _Request) -> None:
        if isinstance(request, _Request):
            await self._sweeper.sweep(request.root, request.folder, Order(Priority.CHANGED), Ticket())
            return
        started = self._clock.now()
        ticket = Ticket()
        await self.sweep_all(Order(Priority.DUE, full=request == FULL), ticket)
        self._crew.start(self._finish(request, started, ticket))

    async def _finish(self, name: str, started: datetime, ticket: Ticket) -> None:
        """Once everything that the sweep enqueued is judged, it is done; a restart before that repeats it."""
        await ticket.wait()
        now = self._clock.now()
        seconds = (now - started).total_seconds()
        told = f"{name.replace('-', ' ')} finished: {ticket.issued} files judged in {seconds:.1f} s"
        event = NewEvent(now, EventKind.SWEEP_FINISHED, told)

        def record(connection: Connection) -> None:
            timers.ran(connection, name, started)
            contents.forget_unused(connection)  # what files were before they changed
            events.append(connection, [event])

        try:
            await self._database.write(record)
        except StoreUnusable as error:  # a full disk must not end the house: the sweep counts as not done
            self._complain("recording a sweep", error)
            return
        self._feed.stirred()
        self._alerter.tell(SWEEP_FINISHED, told)
