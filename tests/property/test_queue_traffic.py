"""The work queue with many who hand in and many who take, in whatever order the event loop lets them.

No path is lost, none is judged twice without a reason, none at the same time in two lanes; it is bounded, and all come through.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import cycle
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from wan_healthd.services.queue import Priority, Task, Ticket, WorkQueue

CAPACITY = 2
LIMIT_S = 3.0
DAYS = [None, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)]

TASKS = st.builds(
    Task,
    path=st.sampled_from([b"/a", b"/b", b"/c", b"/d", b"/e"]),
    root=st.just(b"/"),
    priority=st.sampled_from(Priority),
    models=st.sampled_from([(), ("m",), ("m", "n")]),
    full=st.booleans(),
    settled=st.booleans(),
    since=st.sampled_from(DAYS),
)


class Plan(NamedTuple):
    """What is handed in by whom, how many lanes take, and how often each lets the others go first.

    `visits` is how often somebody comes to take something and may leave without.
    """

    sweeps: list[list[Task]]
    hints: list[Task]
    lanes: list[bool]
    pauses: list[int]
    put_down: list[bool]
    visits: int


PLANS = st.builds(
    Plan,
    sweeps=st.lists(st.lists(TASKS, max_size=8), min_size=1, max_size=3),
    hints=st.lists(TASKS, max_size=8),
    lanes=st.lists(st.booleans(), max_size=3),
    pauses=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    put_down=st.lists(st.booleans(), min_size=1, max_size=6),
    visits=st.integers(0, 8),
)


class Traffic:
    """Whoever uses the queue, and the book that is kept of it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.queue = WorkQueue(CAPACITY)
        self.asked: dict[bytes, list[Task]] = {}
        self.judging: dict[bytes, list[Task]] = {}
        self.tickets: list[Ticket] = []
        self.judged = 0
        self.entered = 0
        self.given_back = 0
        self._pauses = cycle(plan.pauses)
        self._put_down = self._at_most(20)

    def _at_most(self, count: int) -> Iterator[bool]:
        """Nobody puts work down for ever."""
        yield from (put_down for _, put_down in zip(range(count), cycle(self.plan.put_down), strict=False))
        yield from cycle([False])

    async def sweep(self, tasks: Sequence[Task]) -> None:
        """Hand in everything, as soon as there is room, and wait until it is judged."""
        ticket = Ticket()
        self.tickets.append(ticket)
        for task in tasks:
            await self.queue.put_when_room(task, ticket)
            self._enter(task)
            await self._pause()
        await ticket.wait()

    async def hint(self) -> None:
        """Hand in what finds room, and hold the sweeps up now and then."""
        for task in self.plan.hints:
            has_room = self.queue.has_room(task.priority) or task.path in self.queue._waiting
            assert await self.queue.put(task) == has_room
            if has_room:
                self._enter(task)
            self.queue.hold()
            await self._pause()
            self.queue.release()

    async def lane(self, *, urgent_only: bool) -> None:
        """Judge one after the other; some are put down undone."""
        while True:
            task = await self._take(urgent_only=urgent_only)
            await self._pause()
            if next(self._put_down):
                self._give_back(task)
            else:
                await self._finish(task)

    async def fickle_lane(self) -> None:
        """Wait for work, and leave before there is any: what comes then is for the others."""
        for _ in range(self.plan.visits):
            getting = asyncio.ensure_future(self._take(urgent_only=False))
            await self._pause()
            if not getting.done():
                getting.cancel()
                await asyncio.sleep(0)
            if getting.done() and not getting.cancelled():
                await self._finish(getting.result())
            await asyncio.sleep(0)

    async def _take(self, *, urgent_only: bool) -> Task:
        task = await self.queue.get(urgent_only=urgent_only)
        self._begin(task)
        return task

    def _enter(self, task: Task) -> None:
        self.entered += 1
        self.asked.setdefault(task.path, []).append(task)
        most = CAPACITY * 2 + len(self.plan.lanes) + 2  # and what was put down
        assert len(self.queue) <= most

    def _begin(self, task: Task) -> None:
        assert task.path not in self.judging, "two lanes judge it at the same time"
        reasons = self.judging[task.path] = self.asked.pop(task.path, [])
        assert reasons, "it is judged again, but nobody asked"
        assert task.priority == min(reason.priority for reason in reasons)
        assert task.full == any(reason.full for reason in reasons)
        assert task.settled == any(reason.settled for reason in reasons)
        stated = [reason.since for reason in reasons if reason.full and reason.since]
        assert not task.full or task.since == max(stated, default=None), "what counts as read is what the last one says"

    def _give_back(self, task: Task) -> None:
        self.given_back += 1
        self.queue.give_back(task)
        self.asked[task.path] = self.judging.pop(task.path) + self.asked.get(task.path, [])

    async def _finish(self, task: Task) -> None:
        tickets = await self.queue.done(task)
        self.judged += 1
        del self.judging[task.path]
        for ticket in tickets:
            ticket.end()

    async def _pause(self) -> None:
        for _ in range(next(self._pauses)):
            await asyncio.sleep(0)


async def drive(traffic: Traffic) -> None:
    plan = traffic.plan
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
        lanes = [group.create_task(traffic.lane(urgent_only=each)) for each in (False, *plan.lanes)]
        lanes.append(group.create_task(traffic.fickle_lane()))
        await asyncio.gather(traffic.hint(), *map(traffic.sweep, plan.sweeps))
        while len(traffic.queue) or traffic.queue.active:
            await asyncio.sleep(0)
        for lane in lanes:
            lane.cancel()


@settings(max_examples=200, deadline=None)
@given(PLANS)
def test_whatever_enters_is_judged(plan: Plan) -> None:
    traffic = Traffic(plan)
    asyncio.run(drive(traffic))
    assert traffic.asked == traffic.judging == {}, "a path was lost"
    assert traffic.judged <= traffic.entered
    assert [ticket.left for ticket in traffic.tickets] == [0] * len(traffic.tickets)
    assert traffic.queue.holds_of("m") == traffic.queue.holds_of("n") == 0
