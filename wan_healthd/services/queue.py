"""The one bounded priority queue through which every file goes to be judged."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from datetime import datetime
from enum import IntEnum

import msgspec
from msgspec import Struct

CAPACITY = 50_000
"""Most files that may wait; beyond it, hints are folded into a sweep of their root, and sweeps wait for room.

What somebody waits for may take as many places again, so that a sweep of millions of files does not keep it out.
"""


class Priority(IntEnum):
    """Most urgent first: what somebody waits for, changed, is spoken of differently by its sources, is new, or is due."""

    REQUESTED = 0
    CHANGED = 1
    RETOLD = 2
    NEW = 3
    DUE = 4

    @property
    def is_urgent(self) -> bool:
        """Whether it may use the lanes that sweeps must leave free."""
        return self <= Priority.RETOLD


class Task(Struct, frozen=True):
    """Judge the file at `path`.

    `models` are the models it is known to belong to (empty: to be found out). `full` reads every byte, also of an unchanged
    file, but for the blocks that were verified since `since`. `patient` waits for a file that still changes; a scan is not.
    `settled`: its writer is done with it, as far as anybody can tell.
    """

    path: bytes
    root: bytes
    priority: Priority
    models: tuple[str, ...] = ()
    full: bool = False
    patient: bool = True
    settled: bool = False
    since: datetime | None = None


class Ticket:
    """Counts tasks that somebody waits for."""

    def __init__(self) -> None:
        self._open = 0
        self._issued = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def left(self) -> int:
        """How many of them are not done."""
        return self._open

    @property
    def issued(self) -> int:
        """How many tasks were handed in."""
        return self._issued

    def begin(self) -> None:
        """One more task to wait for."""
        self._issued += 1
        self._open += 1
        self._idle.clear()

    def end(self) -> None:
        """One of them is done."""
        self._open -= 1
        if self._open == 0:
            self._idle.set()

    async def wait(self) -> None:
        """Until all are done."""
        await self._idle.wait()


class _Entry:
    def __init__(self, task: Task, number: int) -> None:
        self.task = task
        self.number = number
        self.tickets: list[Ticket] = []


class WorkQueue:
    """Tasks by priority, then by arrival; a path waits at most once and is never judged twice at a time.

    Lives in one event loop; not for other threads.

    Attributes:
        given_out: how many tasks were taken so far.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._numbers = itertools.count()
        self._waiting: dict[bytes, _Entry] = {}
        self._heap: list[tuple[int, int, bytes]] = []
        self._active: dict[bytes, _Entry] = {}
        self._parked: set[bytes] = set()
        self._by_model: Counter[str] = Counter()
        self._changed = asyncio.Event()
        self._is_held = False
        self.given_out = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def active(self) -> tuple[bytes, ...]:
        """Paths that are being judged."""
        return tuple(self._active)

    @property
    def is_sweeping(self) -> bool:
        """Whether something is being judged that nobody waits for."""
        return any(not entry.task.priority.is_urgent for entry in self._active.values())

    @property
    def is_in_the_way(self) -> bool:
        """Whether something urgent waits for a path that is being judged for a sweep."""
        return any(self._waiting[path].task.priority.is_urgent for path in self._parked if path in self._waiting)

    @property
    def has_work(self) -> bool:
        """Whether something is being judged, or could be."""
        return bool(self._active) or (bool(self._waiting) and not self._is_held)

    @property
    def is_full(self) -> bool:
        """Whether only what somebody waits for may still enter."""
        return len(self._waiting) >= self._capacity

    def has_room(self, priority: Priority) -> bool:
        """Whether a task of this priority may still enter."""
        return len(self._waiting) < self._capacity * (2 if priority is Priority.REQUESTED else 1)

    def holds_of(self, model_id: str) -> int:
        """How many tasks of this model wait or are being worked on."""
        return self._by_model[model_id]

    async def put(self, task: Task, ticket: Ticket | None = None) -> bool:
        """Enqueue, or merge with the task that waits for the same path; False if there is no room (nothing was done)."""
        known = self._waiting.get(task.path)
        if known is None and not self.has_room(task.priority):
            return False
        before = None if known is None else known.task.priority
        entry = _Entry(task, next(self._numbers)) if known is None else self._merge(known, task)
        if ticket is not None:
            ticket.begin()
            entry.tickets.append(ticket)
        self._waiting[task.path] = entry
        self._count(entry.task, +1)
        if entry.task.priority != before:  # else it has its place already: the heap must not grow with every hint
            heapq.heappush(self._heap, (entry.task.priority, entry.number, task.path))
        if len(self._heap) > 4 * self._capacity:
            self._drop_stale_places()
        self.stir()
        return True

    async def put_when_room(self, task: Task, ticket: Ticket | None = None) -> None:
        """Enqueue as soon as there is room."""
        while not await self.put(task, ticket):
            await self._changed.wait()

    def hold(self) -> None:
        """Give out only what is urgent, until `release`: sweeps wait."""
        self._is_held = True

    def release(self) -> None:
        """Give out everything again."""
        self._is_held = False
        self.stir()

    async def next_change(self) -> None:
        """Until something enters, begins or ends, or `stir` is called."""
        await self._changed.wait()

    def stir(self) -> None:
        """Have everybody who waits look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def get(self, *, urgent_only: bool) -> Task:
        """The next task; its path is active until `done` or `give_back`."""
        while (entry := self._pop(urgent_only=urgent_only)) is None:
            await self._changed.wait()
        self._active[entry.task.path] = entry
        self.given_out += 1
        self.stir()
        return entry.task

    async def done(self, task: Task) -> list[Ticket]:
        """The task is finished, whatever came of it; the caller ends the returned tickets once it has told so.

        Never suspends: of a model's last two tasks, done at the same time, only one sees that nothing is left.
        """
        entry = self._active.pop(task.path)
        self._count(entry.task, -1)
        waiting = self._waiting.get(task.path)
        if task.path in self._parked:
            self._parked.discard(task.path)
            if waiting is not None:
                heapq.heappush(self._heap, (waiting.task.priority, waiting.number, task.path))
        self.stir()
        return entry.tickets

    def give_back(self, task: Task) -> None:
        """The task was put down undone: it waits again in its old place, with all who wait for it."""
        entry = self._active.pop(task.path)
        again = self._waiting.get(task.path)
        if again is not None:
            self._count(again.task, -1)
            self._merge(entry, again.task)
            self._count(entry.task, +1)
            entry.tickets += again.tickets
        self._waiting[task.path] = entry
        self._parked.discard(task.path)
        heapq.heappush(self._heap, (entry.task.priority, entry.number, task.path))
        self.stir()

    def _drop_stale_places(self) -> None:
        """Tasks that became more urgent left their old places behind, which nobody may come by for hours."""
        places = ((entry.task.priority, entry.number, path) for path, entry in self._waiting.items())
        self._heap = [place for place in places if place[2] not in self._parked]
        heapq.heapify(self._heap)

    def _merge(self, known: _Entry, task: Task) -> _Entry:
        self._count(known.task, -1)
        known.task = msgspec.structs.replace(
            task,
            priority=min(known.task.priority, task.priority),
            full=known.task.full or task.full,
            patient=known.task.patient and task.patient,
            settled=known.task.settled or task.settled,
            since=_later(known.task, task),
            models=task.models or known.task.models,
        )
        return known

    def _pop(self, *, urgent_only: bool) -> _Entry | None:
        while self._heap:
            priority, number, path = self._heap[0]
            entry = self._waiting.get(path)
            if entry is None or entry.number != number or entry.task.priority != priority:
                heapq.heappop(self._heap)  # an older place of a task that was merged or taken
                continue
            if (urgent_only or self._is_held) and not Priority(priority).is_urgent:
                return None
            heapq.heappop(self._heap)
            if path in self._active:
                self._parked.add(path)
                continue
            return self._waiting.pop(path)
        return None

    def _count(self, task: Task, step: int) -> None:
        for model_id in task.models:
            self._by_model[model_id] += step
            if not self._by_model[model_id]:
                del self._by_model[model_id]


def _later(known: Task, task: Task) -> datetime | None:
    """The later word on what counts as read already; whoever says nothing of it leaves it to the scrub under way."""
    stated = [item.since for item in (known, task) if item.full and item.since is not None]
    return max(stated, default=None)
