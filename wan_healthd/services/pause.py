"""Pausing sweeps: what is due waits, what somebody asks for or just changed is judged all the same.

Quiet hours and generations make pauses that come and go by themselves.
"""

from __future__ import annotations

import asyncio

from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.paths import printable
from wan_healthd.domain.pauses import Pause
from wan_healthd.domain.ports import Clock
from wan_healthd.services.feed import Feed
from wan_healthd.services.inspect import Inspector
from wan_healthd.services.queue import WorkQueue
from wan_healthd.store import events, pauses
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database


class Pauses:
    """Holds the queue and puts down what is being read; a pause outlives the daemon."""

    def __init__(self, queue: WorkQueue, inspector: Inspector, database: Database, clock: Clock, feed: Feed) -> None:
        self._queue = queue
        self._inspector = inspector
        self._database = database
        self._clock = clock
        self._feed = feed
        self._pause: Pause | None = None
        self._is_quiet = False
        self._released = asyncio.Event()
        self._released.set()

    @property
    def present(self) -> Pause | None:
        """The pause in force."""
        return self._pause

    async def restore(self) -> None:
        """At the start: a pause of before is still one."""
        self._set(await self._database.read(pauses.get), is_quiet=self._is_quiet)

    async def pause(self, uid: int, reason: str) -> None:
        """Pause; a pause that is in force already stays as it is."""
        if self._pause is not None:
            return
        pause = Pause(self._clock.now(), uid, reason)
        because = f", because: {printable(reason)}" if reason else ""
        event = NewEvent(pause.since, EventKind.SWEEPS_PAUSED, f"uid {uid} paused the sweeps{because}")

        def record(connection: Connection) -> None:
            pauses.put(connection, pause)
            events.append(connection, [event])

        await self._database.write(record)
        self._set(pause, is_quiet=self._is_quiet)
        self._feed.stirred()

    async def resume(self, uid: int) -> None:
        """Go on; no error where nothing was paused."""
        event = NewEvent(self._clock.now(), EventKind.SWEEPS_RESUMED, f"uid {uid} let the sweeps go on")

        def record(connection: Connection) -> None:
            if pauses.end(connection):
                events.append(connection, [event])

        await self._database.write(record)
        self._set(None, is_quiet=self._is_quiet)
        self._feed.stirred()

    async def over(self) -> None:
        """Until no pause is in force, and nobody wants quiet."""
        await self._released.wait()

    def keep_quiet(self, *, is_quiet: bool) -> None:
        """Quiet hours, or others for whose sake nothing is read for a while, begin or end; saying so again does nothing."""
        if is_quiet != self._is_quiet:
            self._set(self._pause, is_quiet=is_quiet)
            self._feed.stirred()

    def _set(self, pause: Pause | None, *, is_quiet: bool) -> None:
        self._pause, self._is_quiet = pause, is_quiet
        if pause is None and not is_quiet:
            self._released.set()
            self._queue.release()
        else:
            self._released.clear()
            self._queue.hold()
            self._inspector.put_down()
