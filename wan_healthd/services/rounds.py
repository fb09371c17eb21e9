"""Rounds: every byte that was read before is read again, what was verified longest ago first."""

from __future__ import annotations

from datetime import datetime

from wan_healthd.services.queue import Priority, Task, Ticket, WorkQueue
from wan_healthd.store import oldest
from wan_healthd.store.database import Database

PAGE = 500
"""Paths that are taken from the store at a time."""


class Rounds:
    """Enqueues what a round has to read; the lanes read it."""

    def __init__(self, database: Database, queue: WorkQueue) -> None:
        self._database = database
        self._queue = queue

    async def enqueue(self, begun: datetime, ticket: Ticket) -> None:
        """Everything with a byte that was not verified since `begun`; a round that was interrupted goes on with the rest."""
        numbers = await self._database.read(lambda db: oldest.unverified_since(db, begun))
        for first in range(0, len(numbers), PAGE):
            page = numbers[first : first + PAGE]
            for place in await self._database.read(lambda db, page=page: oldest.places(db, page)):  # type: ignore[misc]
                task = Task(place.path, place.root, Priority.DUE, place.models, full=True, since=begun)
                await self._queue.put_when_room(task, ticket)
