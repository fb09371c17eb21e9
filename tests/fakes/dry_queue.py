"""A queue that only remembers what it was given: nothing is judged, and nothing waits."""

from __future__ import annotations

from wan_healthd.services.queue import Task, Ticket, WorkQueue


class DryQueue(WorkQueue):
    """`taken` are the tasks by path."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: dict[bytes, Task] = {}

    async def put_when_room(self, task: Task, ticket: Ticket | None = None) -> None:
        self.taken[task.path] = task
