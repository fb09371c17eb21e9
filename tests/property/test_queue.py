"""The work queue against a plain model of it: whatever is put, taken and done in whatever order."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from wan_healthd.services.queue import Priority, Task, Ticket, WorkQueue

PATHS = [b"/a", b"/b", b"/c", b"/d", b"/\xff", b"/e", b"/f", b"/g", b"/h", b"/i"]
MODELS = st.sampled_from([(), ("m",), ("n",), ("m", "n")])
CAPACITY = 3


class Expected(NamedTuple):
    """One task as it must come out."""

    priority: Priority
    number: int
    full: bool
    patient: bool
    models: tuple[str, ...]
    tickets: tuple[Ticket, ...]


class QueueMachine(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.queue = WorkQueue(CAPACITY)
        self.waiting: dict[bytes, Expected] = {}
        self.active: dict[bytes, tuple[Task, Expected]] = {}
        self.open_tickets: dict[Ticket, int] = {}
        self.number = 0
        self.is_held = False

    def teardown(self) -> None:
        self.release()
        while self.active or self.waiting:  # everything that entered comes out, and every ticket ends
            for path in list(self.active):
                self.finish(path)
            self.take(urgent_only=False)
        for ticket, left in self.open_tickets.items():
            assert left == 0
            self.loop.run_until_complete(asyncio.wait_for(ticket.wait(), 1))
        assert len(self.queue) == 0
        assert self.queue.holds_of("m") == self.queue.holds_of("n") == 0
        self.loop.close()

    def next_of(self, *, urgent_only: bool) -> bytes | None:
        ready = [
            (expected.priority, expected.number, path)
            for path, expected in self.waiting.items()
            if path not in self.active and (expected.priority.is_urgent or not (urgent_only or self.is_held))
        ]
        return min(ready)[2] if ready else None

    def take(self, *, urgent_only: bool) -> None:
        wanted = self.next_of(urgent_only=urgent_only)

        async def get() -> Task | None:
            getting = asyncio.ensure_future(self.queue.get(urgent_only=urgent_only))
            for _ in range(3):
                await asyncio.sleep(0)
            if getting.done():
                return getting.result()
            getting.cancel()
            return None

        task = self.loop.run_until_complete(get())
        if wanted is None:
            assert task is None, f"{task} must not come out now"
            return
        assert task is not None, f"{wanted!r} must come out now"
        expected = self.waiting.pop(wanted)
        assert (task.path, task.priority, task.full, task.patient, task.models) == (
            wanted,
            expected.priority,
            expected.full,
            expected.patient,
            expected.models,
        )
        self.active[wanted] = task, expected

    def finish(self, path: bytes) -> None:
        task, expected = self.active.pop(path)
        ended = self.loop.run_until_complete(self.queue.done(task))
        assert ended == list(expected.tickets)
        for ticket in ended:
            ticket.end()
            self.open_tickets[ticket] -= 1

    @rule(
        path=st.sampled_from(PATHS),
        priority=st.sampled_from(Priority),
        models=MODELS,
        full=st.booleans(),
        patient=st.booleans(),
        has_ticket=st.booleans(),
    )
    def put(
        self, path: bytes, priority: Priority, models: tuple[str, ...], full: bool, patient: bool, has_ticket: bool
    ) -> None:
        ticket = Ticket() if has_ticket else None
        known = self.waiting.get(path)
        has_room = len(self.waiting) < CAPACITY * (2 if priority is Priority.REQUESTED else 1)
        entered = self.loop.run_until_complete(
            self.queue.put(Task(path, b"/", priority, models, full=full, patient=patient), ticket)
        )
        assert entered == (known is not None or has_room)
        if not entered:
            assert ticket is None or ticket.issued == 0, "what did not enter is not waited for"
            return
        tickets = () if ticket is None else (ticket,)
        if ticket is not None:
            self.open_tickets[ticket] = 1
        if known is None:
            self.number += 1
            self.waiting[path] = Expected(priority, self.number, full, patient, models, tickets)
        else:
            self.waiting[path] = Expected(
                min(priority, known.priority),
                known.number,
                full or known.full,
                patient and known.patient,
                models or known.models,
                known.tickets + tickets,
            )

    @rule(urgent_only=st.booleans())
    def get(self, urgent_only: bool) -> None:
        self.take(urgent_only=urgent_only)

    @rule()
    def hold(self) -> None:
        self.queue.hold()
        self.is_held = True

    @rule()
    def release(self) -> None:
        self.queue.release()
        self.is_held = False

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """A task that is put down waits again in its place, with whoever came for the same path meanwhile."""
        path = data.draw(st.sampled_from(sorted(self.active)))
        task, before = self.active.pop(path)
        self.queue.give_back(task)
        again = self.waiting.get(path)
        self.waiting[path] = (
            before
            if again is None
            else Expected(
                min(before.priority, again.priority),
                before.number,
                before.full or again.full,
                before.patient and again.patient,
                again.models or before.models,
                before.tickets + again.tickets,
            )
        )

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        self.finish(data.draw(st.sampled_from(sorted(self.active))))

    @invariant()
    def counts_are_right(self) -> None:
        assert len(self.queue) == len(self.waiting) <= len(PATHS)
        assert set(self.queue.active) == set(self.active)
        assert self.queue.is_full == (len(self.waiting) >= CAPACITY)
        for model_id in ("m", "n"):
            entries = [*self.waiting.values(), *(expected for _, expected in self.active.values())]
            assert self.queue.holds_of(model_id) == sum(model_id in entry.models for entry in entries)

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.queue._heap) <= 4 * CAPACITY + len(PATHS)

    @invariant()
    def unfinished_tickets_wait(self) -> None:
        for ticket, left in self.open_tickets.items():
            assert ticket._idle.is_set() == (left == 0)


QueueMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestQueue = QueueMachine.TestCase
