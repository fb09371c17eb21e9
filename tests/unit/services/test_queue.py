"""The work queue in time: who waits for whom. What comes out in which order is in tests/property/test_queue.py."""

from __future__ import annotations

import asyncio

from wan_healthd.services.queue import Priority, Task, Ticket, WorkQueue

LIMIT_S = 5.0


def task(name: str, priority: Priority = Priority.DUE, *models: str) -> Task:
    return Task(b"/" + name.encode(), b"/", priority, models)


def test_a_lane_waits_for_work() -> None:
    async def scenario() -> None:
        queue = WorkQueue()
        getting = asyncio.ensure_future(queue.get(urgent_only=True))
        await queue.put(task("due"))
        await asyncio.sleep(0)
        assert not getting.done(), "background work never comes to an urgent lane"
        await queue.put(task("now", Priority.CHANGED))
        assert (await asyncio.wait_for(getting, LIMIT_S)).path == b"/now"

    asyncio.run(scenario())


def test_a_hint_for_a_file_that_is_being_judged_is_judged_afterwards() -> None:
    async def scenario() -> None:
        queue = WorkQueue()
        await queue.put(task("a"))
        first = await queue.get(urgent_only=False)
        await queue.put(task("a", Priority.CHANGED))
        again = asyncio.ensure_future(queue.get(urgent_only=True))
        await asyncio.sleep(0)
        assert not again.done()
        await queue.done(first)
        assert (await asyncio.wait_for(again, LIMIT_S)).priority is Priority.CHANGED

    asyncio.run(scenario())


def test_a_sweep_waits_for_room_and_what_is_asked_for_does_not() -> None:
    async def scenario() -> None:
        queue = WorkQueue(capacity=1)
        await queue.put(task("a"))
        assert not await queue.put(task("hint", Priority.CHANGED))
        waiting = asyncio.ensure_future(queue.put_when_room(task("b")))
        assert await queue.put(task("asked", Priority.REQUESTED))
        await asyncio.sleep(0)
        assert not waiting.done()
        await queue.get(urgent_only=False)
        await queue.get(urgent_only=False)
        await asyncio.wait_for(waiting, LIMIT_S)
        assert (await queue.get(urgent_only=False)).path == b"/b"

    asyncio.run(scenario())


def test_what_is_asked_for_is_bounded_too() -> None:
    async def scenario() -> None:
        queue = WorkQueue(capacity=2)
        entered = [await queue.put(task(str(number), Priority.REQUESTED)) for number in range(9)]
        assert entered == [True] * 4 + [False] * 5

    asyncio.run(scenario())


def test_a_sweep_of_more_than_fits_comes_through() -> None:
    async def scenario() -> int:
        queue = WorkQueue(capacity=3)
        ticket = Ticket()

        async def lane() -> None:
            while True:
                taken = await queue.get(urgent_only=False)
                await asyncio.sleep(0)
                for one in await queue.done(taken):
                    one.end()

        lanes = [asyncio.ensure_future(lane()) for _ in range(2)]
        for number in range(100):
            await asyncio.wait_for(queue.put_when_room(task(str(number), Priority.REQUESTED), ticket), LIMIT_S)
        await asyncio.wait_for(ticket.wait(), LIMIT_S)
        for one in lanes:
            one.cancel()
        return ticket.issued

    assert asyncio.run(scenario()) == 100


def test_only_the_last_task_of_a_model_sees_it_finished() -> None:
    """`done` must not give way to other lanes between counting and the caller's look at the count."""

    async def scenario() -> None:
        queue = WorkQueue()
        for name in ("a", "b", "c", "d"):
            await queue.put(task(name, Priority.CHANGED, "m"))
        finished: list[bytes] = []

        async def lane(*, urgent_only: bool) -> None:
            while True:
                taken = await queue.get(urgent_only=urgent_only)
                await asyncio.sleep(0)
                await queue.done(taken)
                if not queue.holds_of("m"):
                    finished.append(taken.path)

        lanes = [asyncio.ensure_future(lane(urgent_only=bool(number % 2))) for number in range(4)]
        for _ in range(20):
            await asyncio.sleep(0)
        for one in lanes:
            one.cancel()
        assert len(finished) == 1

    asyncio.run(scenario())


def test_hints_without_end_take_no_memory() -> None:
    """Stale places of tasks that became urgent lie at the bottom of the heap, where no urgent lane comes by."""

    async def scenario() -> None:
        queue = WorkQueue(capacity=10)
        await queue.put(task("waits for a background lane"))
        for _ in range(1000):
            await queue.put(task("a"))
            for _ in range(3):
                await queue.put(task("a", Priority.CHANGED))
            await queue.done(await queue.get(urgent_only=True))
        assert len(queue._heap) <= 50
        assert len(queue) == 1
        assert (await queue.get(urgent_only=False)).path == b"/waits for a background lane"

    asyncio.run(scenario())


def test_a_ticket_without_tasks_waits_for_nothing() -> None:
    async def scenario() -> None:
        ticket = Ticket()
        await asyncio.wait_for(ticket.wait(), LIMIT_S)
        ticket.begin()
        ticket.begin()
        ticket.end()
        waiting = asyncio.ensure_future(ticket.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        ticket.end()
        await asyncio.wait_for(waiting, LIMIT_S)
        assert ticket.issued == 2

    asyncio.run(scenario())
