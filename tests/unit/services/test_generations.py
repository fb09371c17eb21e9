"""Generations that clients announce: who is present, how many there may be, and that restarts and clocks change nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import play
from wan_healthd.domain.callers import Caller, CallerRole
from wan_healthd.domain.errors import GenerationNotFound, StoreUnusable, TooManyGenerations
from wan_healthd.domain.generations import MOST_OPEN, MOST_OPEN_OF_ONE
from wan_healthd.domain.occupation import Occupation
from wan_healthd.domain.ports import Clock
from wan_healthd.host.clock import SystemClock
from wan_healthd.host.threads import spawn
from wan_healthd.services.generations import Generations
from wan_healthd.store.database import Database
from wan_healthd.wire.generations import GenerationStart

MODEL = "Wan2.2-T2V-A14B"
HOUR_S = 3600.0


def caller(uid: int = 1000) -> Caller:
    return Caller(uid, 4711, CallerRole.ACTOR)


def generations(shop: Workshop, changes: list[str | None], clock: Clock | None = None) -> Generations:
    """The service; `changes` gets what is present after each change."""

    def changed() -> None:
        changes.append(None if (now := made.present) is None else now.what)

    made = Generations(shop.database, clock or shop.clock, shop.feed, changed)
    return made


def present(known: Generations) -> Occupation | None:
    return known.present


def test_sweeps_hear_of_each_change(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        changes: list[str | None] = []
        known = generations(shop, changes)
        assert present(known) is None
        first = await known.start(GenerationStart(MODEL, expires_in_seconds=60.0), caller())
        second = await known.start(GenerationStart(note="a film"), caller(0))
        assert [row.id for row in known.rows()] == [second.id, first.id]
        assert changes == [f"uid 1000: {MODEL}", "uid 0: a film, and 1 more"]
        stirs = shop.feed.stirs
        _, was_open = await known.end(second.id)
        assert was_open
        assert shop.feed.stirs > stirs
        _, was_open = await known.end(second.id)
        assert not was_open
        renewed = await known.renew(first.id, HOUR_S)
        assert (renewed.expires_at - shop.clock.now()).total_seconds() == HOUR_S
        assert present(known) is not None
        await known.end(first.id)
        assert changes[-1] is None
        assert known.rows() == ()
        assert await shop.events() == (), "a server makes thousands a day"

    play(tmp_path, scenario)


def test_what_was_not_ended_can_still_be_ended_or_renewed(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        known = generations(shop, [])
        for number in (1, 2):
            assert (await known.start(GenerationStart(expires_in_seconds=60.0), caller())).id == number
        shop.clock.advance(61)
        assert present(known) is None
        ended, was_open = await known.end(1)
        assert (ended.ended_at, was_open) == (shop.clock.now(), False)
        assert (await known.renew(2, 60.0)).id == 2
        assert present(known) is not None
        for act, number in ((known.renew(1, 60.0), 1), (known.renew(99, 60.0), 99)):
            with pytest.raises(GenerationNotFound, match=f"cannot renew generation {number}: "):
                await act
        with pytest.raises(GenerationNotFound, match="cannot end generation 99: there is none"):
            await known.end(99)

    play(tmp_path, scenario)


def test_an_announcement_outlives_the_daemon_but_not_its_time(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        before = generations(shop, [])
        for ended in (False, True):
            begun = await before.start(GenerationStart(MODEL), caller())
            if ended:
                await before.end(begun.id)
        changes: list[str | None] = []
        after = generations(shop, changes)
        await after.restore()
        assert (present(after), after.rows()) == (present(before), before.rows())
        assert changes == [f"uid 1000: {MODEL}"]
        shop.clock.jump(HOUR_S)
        late = generations(shop, [])
        await late.restore()
        assert (present(after), present(late)) == (None, None)

    play(tmp_path, scenario)


def test_what_expires_is_noticed(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        changes: list[str | None] = []
        known = generations(shop, changes, SystemClock())
        shop.crew.start(known.run())
        await known.start(GenerationStart(MODEL, expires_in_seconds=1.0), caller())
        stirs = shop.feed.stirs
        while changes[-1] is not None:
            await shop.feed.next_news(20, since=stirs)
        assert known.rows() == ()

    play(tmp_path, scenario)


def test_there_is_room_for_everybody(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        known = generations(shop, [])
        start = GenerationStart(expires_in_seconds=60.0)
        users = MOST_OPEN // MOST_OPEN_OF_ONE
        begun = [known.start(start, caller(uid)) for uid in range(users) for _ in range(MOST_OPEN_OF_ONE)]
        await asyncio.gather(*begun)
        with pytest.raises(TooManyGenerations, match=f"uid 0 has {MOST_OPEN_OF_ONE} open already"):
            await known.start(start, caller(0))
        with pytest.raises(TooManyGenerations, match=f"{MOST_OPEN} are open already"):
            await known.start(start, caller(users))
        await known.renew(1, 120.0)
        shop.clock.advance(61)
        assert len(known.rows()) == 1
        await asyncio.gather(*[known.start(start, caller(1)) for _ in range(MOST_OPEN_OF_ONE)])
        with pytest.raises(TooManyGenerations):
            await known.renew(MOST_OPEN_OF_ONE + 1, 60.0)

    play(tmp_path, scenario)


def test_sweeps_go_on_even_if_the_end_cannot_be_recorded(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        database = Database(None, spawn)
        known = Generations(database, shop.clock, shop.feed, lambda: None)
        begun = await known.start(GenerationStart(MODEL), caller())
        await shop.threads.run(database.close)
        with pytest.raises(StoreUnusable):
            await known.end(begun.id)
        assert present(known) is None

    play(tmp_path, scenario)
