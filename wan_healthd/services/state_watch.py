"""The state's own health: what is in the way of writing it is told once, tried again, and made good for when it passes."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from datetime import datetime

from wan_healthd.checks.state_reach import state_finding
from wan_healthd.domain.alerts import STATE_DAMAGED, STATE_RESTORED, STATE_UNWRITABLE, STATE_WRITABLE_AGAIN
from wan_healthd.domain.backoff import delay_s
from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.ports import Clock
from wan_healthd.services.alert import Alerter
from wan_healthd.services.feed import Feed
from wan_healthd.store import events, recovery
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.trouble import Trouble

FIRST_PROBE_S, LONGEST_PROBE_S = 1.0, 60.0


class StateWatch:
    """Hears of trouble from the database, and tells people.

    Args:
        recovered: called when writing works again: whatever happened meanwhile must be looked at now.
        first_probe_s: see FIRST_PROBE_S.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        alerter: Alerter,
        feed: Feed,
        recovered: Callable[[], None],
        first_probe_s: float = FIRST_PROBE_S,
    ) -> None:
        self._database = database
        self._clock = clock
        self._alerter = alerter
        self._feed = feed
        self._recovered = recovered
        self._first_probe_s = first_probe_s
        self._luck = secrets.SystemRandom()
        self._changes: asyncio.Queue[Trouble | None] = asyncio.Queue()
        self._refused: tuple[Trouble, datetime] | None = None
        self._damage = asyncio.Event()

    async def until_damaged(self) -> Trouble:
        """Return when the state is found to be damaged: nothing that is read or written from then on can be relied on."""
        await self._damage.wait()
        trouble = self._database.standing.trouble
        if trouble is None:
            raise ValueError("damage does not pass")
        return trouble

    async def run(self) -> None:
        """Tell what the start brought, then whatever comes, until cancelled."""
        loop = asyncio.get_running_loop()

        def heard(trouble: Trouble | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody is left to tell
                loop.call_soon_threadsafe(self._changes.put_nowait, trouble)

        self._database.standing.listen(heard)
        with contextlib.suppress(StoreUnusable):  # it is told by the next start, then
            await self._tell_restored()
        while True:
            await self._changed(await self._next_change())

    async def _tell_restored(self) -> None:
        restored = await self._database.read(recovery.untold)
        if restored is not None:
            self._alerter.tell(STATE_RESTORED, restored.message)
            await self._database.write(recovery.told)

    async def _next_change(self) -> Trouble | None:
        """What the database says next; while it refuses, it is tried again and again, ever more rarely."""
        attempt = 0
        while self._refused is not None:
            attempt += 1
            wait_s = delay_s(attempt, first_s=self._first_probe_s, most_s=LONGEST_PROBE_S, luck=self._luck.random())
            try:
                return await asyncio.wait_for(self._changes.get(), wait_s)
            except TimeoutError:
                with contextlib.suppress(StoreUnusable):
                    await self._database.write(_probe)
        return await self._changes.get()

    async def _changed(self, trouble: Trouble | None) -> None:
        if trouble is None:
            await self._passed()
        elif trouble.is_damage:
            self._alerter.tell(STATE_DAMAGED, f"the state database is damaged, so wan-healthd ends: {trouble.cause}")
            self._damage.set()
        elif self._refused is None:
            self._refused = trouble, self._clock.now()
            self._alerter.tell(STATE_UNWRITABLE, _finding(trouble).message, finding=_finding(trouble))

    async def _passed(self) -> None:
        if self._refused is None:
            return
        trouble, since = self._refused
        self._refused = None
        now = self._clock.now()
        told = f"the state can be written again after {(now - since).total_seconds():.0f} s: everything is looked at once more"
        before = NewEvent(since, EventKind.STATE_UNWRITABLE, _finding(trouble).message, finding=_finding(trouble))
        after = NewEvent(now, EventKind.STATE_WRITABLE_AGAIN, told)
        self._recovered()
        try:
            await self._database.write(lambda db: events.append(db, [before, after]))
        except StoreUnusable:  # it refuses again, which is told again
            return
        self._feed.stirred()
        self._alerter.tell(STATE_WRITABLE_AGAIN, told)


def _probe(connection: Connection) -> None:
    """A write that changes something, since a commit of nothing asks nothing of the disk."""
    connection.execute(
        "INSERT INTO meta VALUES ('probes', '1') ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1"
    )


def _finding(trouble: Trouble) -> Finding:
    return state_finding(trouble.cause, trouble.cure)
