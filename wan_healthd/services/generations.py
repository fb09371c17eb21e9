"""Generations that clients announce, so that sweeps make way for them.

They are no events: a server makes thousands a day, which would push findings out of the history, and wake all who follow it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from wan_healthd.domain.callers import Caller
from wan_healthd.domain.errors import GenerationNotFound, TooManyGenerations
from wan_healthd.domain.generations import (
    MOST_OPEN,
    MOST_OPEN_OF_ONE,
    Generation,
    announced,
    is_open,
    lifetime_s,
    next_expiry,
    present,
)
from wan_healthd.domain.occupation import Occupation
from wan_healthd.domain.ports import Clock
from wan_healthd.services.feed import Feed
from wan_healthd.store import generations
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.wire.generations import GenerationStart

LIST_THEM = "list them with `healthctl generation`"

LONGEST_WAIT_S = 60.0
"""Between two looks at the clock while any is open: the time of day by which they expire may jump."""


class Generations:
    """Knows what is open; an announcement outlives the daemon.

    Args:
        changed: called when what is present may have changed.
    """

    def __init__(self, database: Database, clock: Clock, feed: Feed, changed: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._feed = feed
        self._changed = changed
        self._open: dict[int, Generation] = {}
        self._turned = asyncio.Event()

    @property
    def present(self) -> Occupation | None:
        """What sweeps make way for; looks at nothing but the clock."""
        return present(self._open.values(), self._clock.now())

    def rows(self) -> tuple[Generation, ...]:
        """Those that are open, those that last longest first."""
        now = self._clock.now()
        still = [generation for generation in self._open.values() if is_open(generation, now)]
        return tuple(sorted(still, key=lambda generation: (generation.expires_at, generation.id), reverse=True))

    async def restore(self) -> None:
        """At the start: what was announced before and has neither ended nor expired still is."""
        now = self._clock.now()
        found = await self._database.read(lambda db: generations.open_ones(db, now, MOST_OPEN))
        self._open = {generation.id: generation for generation in found}
        self._tell()

    async def start(self, asked: GenerationStart, caller: Caller) -> Generation:
        """One begins.

        Raises:
            TooManyGenerations: so many are open that one more would tell sweeps nothing.
        """
        now = self._clock.now()
        begun = announced(
            model_id=asked.model,
            uid=caller.uid,
            pid=caller.pid,
            note=asked.note,
            expected_s=asked.expected_seconds,
            expires_in_s=asked.expires_in_seconds,
            now=now,
        )

        def record(connection: Connection) -> Generation:
            _require_room(connection, now, caller.uid)
            return generations.begin(connection, begun)

        return self._know(await self._database.write(record))

    async def renew(self, number: int, expires_in_s: float) -> Generation:
        """It expires so long from now instead; one that has expired is open again.

        Raises:
            GenerationNotFound: there is none of that number, or it has ended.
            TooManyGenerations: it had expired, and others have taken its place.
        """
        now = self._clock.now()
        expires_at = now + timedelta(seconds=lifetime_s(expires_in_s))

        def record(connection: Connection) -> Generation:
            known = generations.get(connection, number)
            if known is None or known.ended_at is not None:
                raise _not_found("renew", number, known)
            if not is_open(known, now):
                _require_room(connection, now, known.uid)
            generations.renew(connection, number, expires_at)
            return generations.get(connection, number) or known

        return self._know(await self._database.write(record))

    async def end(self, number: int) -> tuple[Generation, bool]:
        """It has ended; also says whether it was open until now. Twice is as good as once.

        Raises:
            GenerationNotFound: there is none of that number, or it was so long ago that it was forgotten.
            StoreUnusable: it cannot be recorded, so that a restart would take it for open; until then sweeps go on.
        """
        now = self._clock.now()
        if self._open.pop(number, None) is not None:
            self._tell()

        def record(connection: Connection) -> tuple[Generation, bool]:
            known = generations.get(connection, number)
            if known is None:
                raise _not_found("end", number, known)
            generations.end(connection, number, now)
            return generations.get(connection, number) or known, is_open(known, now)

        ended, was_open = await self._database.write(record)
        return self._know(ended), was_open

    async def run(self) -> None:
        """Notice what expires, until cancelled; sleeps while nothing is open."""
        while True:
            self._turned.clear()
            self._forget_expired()
            first = next_expiry(self._open.values())
            wait_s = None if first is None else min(LONGEST_WAIT_S, (first - self._clock.now()).total_seconds())
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._turned.wait()

    def _forget_expired(self) -> None:
        now = self._clock.now()
        expired = [number for number, generation in self._open.items() if not is_open(generation, now)]
        for number in expired:
            del self._open[number]
        if expired:
            self._tell()

    def _know(self, generation: Generation) -> Generation:
        if generation.ended_at is None:
            self._open[generation.id] = generation
        else:
            self._open.pop(generation.id, None)
        self._tell()
        return generation

    def _tell(self) -> None:
        """Whoever shows what is present looks again, and so does whoever waits for the first to expire."""
        self._turned.set()
        self._changed()
        self._feed.stirred()


def _require_room(connection: Connection, now: datetime, uid: int) -> None:
    """Counted where they are written, one after the other."""
    of_all, of_one = generations.count_open(connection, now, uid)
    if of_one >= MOST_OPEN_OF_ONE:
        raise TooManyGenerations(
            f"cannot announce a generation: uid {uid} has {of_one} open already", f"end those that are over; {LIST_THEM}"
        )
    if of_all >= MOST_OPEN:
        raise TooManyGenerations(
            f"cannot announce a generation: {of_all} are open already", f"end those that are over; {LIST_THEM}"
        )


def _not_found(act: str, number: int, known: Generation | None) -> GenerationNotFound:
    state = "there is none of that number" if known is None else "it has ended"
    return GenerationNotFound(f"cannot {act} generation {number}: {state}", LIST_THEM)
