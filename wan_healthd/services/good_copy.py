"""Keeping a good copy of the state: after a sweep, when the last one is old enough."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from wan_healthd.domain.errors import StateDamaged, StoreUnusable
from wan_healthd.domain.ports import Clock, Threads
from wan_healthd.store.database import Database
from wan_healthd.store.good_copy import Copier
from wan_healthd.store.trouble import Trouble

AT_MOST_EVERY = timedelta(hours=6)


class GoodCopies:
    """Makes copies when asked, one at a time, beside everything else.

    Args:
        state: the database's path; None keeps everything in memory, of which there are no copies.
        complain: told of copies that could not be made; the one before stays.
    """

    def __init__(
        self,
        state: bytes | None,
        database: Database,
        threads: Threads,
        clock: Clock,
        complain: Callable[[str, BaseException | None], None],
    ) -> None:
        self._copier = None if state is None else Copier(state)
        self._database = database
        self._threads = threads
        self._clock = clock
        self._complain = complain
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """A sweep is done: have a copy made if one is due. Does not wait."""
        self._asked.set()

    def close(self) -> None:
        """End a copy under way; the one before stays."""
        if self._copier is not None:
            self._copier.cancel()

    async def run(self) -> None:
        """Make copies whenever asked, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            if self._copier is not None:
                await self._make_if_due(self._copier)

    async def _make_if_due(self, copier: Copier) -> None:
        now = self._clock.now()
        try:
            if _is_due(await self._threads.run(copier.made_at), now):
                await self._threads.run(lambda: copier.make(now))
        except StateDamaged as error:
            self._database.standing.failed(Trouble(error.message, error.suggestion, is_damage=True))
        except StoreUnusable as error:
            cure = f": {error.suggestion}" if error.suggestion else ""
            self._complain(f"{error.message}; the one before stays{cure}", None)


def _is_due(made_at: datetime | None, now: datetime) -> bool:
    """Due too if the last one is from the future: the clock was set back."""
    return made_at is None or not made_at <= now < made_at + AT_MOST_EVERY
