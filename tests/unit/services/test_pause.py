"""Pausing sweeps: what is due waits, what somebody asks for or just changed does not; nothing is read twice for it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, play
from wan_healthd.domain.digests import BLOCK_BYTES
from wan_healthd.services.conduct import FULL, INCREMENTAL
from wan_healthd.services.orders import Order
from wan_healthd.services.queue import Priority, Task, Ticket
from wan_healthd.store import oldest, timers

WEIGHTS = sample(1, 3 * BLOCK_BYTES, 3)
SMALL = sample(2, 4000, 2)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0.005)


def test_what_is_due_waits_and_what_is_asked_for_does_not(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, SMALL)
        shop.put("other.safetensors", SMALL)
        await shop.pauses.pause(0, "a film is made")
        due = Ticket()
        await shop.sweeper.sweep(shop.root, shop.root, Order(Priority.DUE), due)
        await settle()
        assert due.left == 2
        await shop.judge("other.safetensors")
        assert due.left == 1, "it waited for the same file"
        assert (await shop.jobs.check(MODEL, full=False)).is_healthy
        await shop.pauses.resume(0)
        await due.wait()
        kinds = await shop.told()
        assert [kind for kind in kinds if kind.startswith("sweeps-")] == ["sweeps-paused", "sweeps-resumed"]
        (event,) = [event for event in await shop.events() if event.kind == "sweeps-paused"]
        assert event.message == "uid 0 paused the sweeps, because: a film is made"

    play(tmp_path, scenario)


def test_a_read_under_way_is_put_down_and_goes_on_at_its_block(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        shop.clock.advance(60)
        stuck = shop.engine.stuck = asyncio.Event()
        ticket = Ticket()
        await shop.queue.put(Task(shop.path(FILE), shop.root, Priority.DUE, (MODEL,), full=True), ticket)
        await stuck.wait()
        await shop.pauses.pause(0, "")
        await settle()
        assert shop.queue.active == ()
        assert (len(shop.queue), ticket.left, shop.queue.holds_of(MODEL)) == (1, 1, 1)
        shop.engine.stuck = None
        shop.engine.requests.clear()
        await shop.pauses.resume(0)
        await ticket.wait()
        read = sum(end - first for request in shop.engine.requests for first, end in request.blocks or ())
        assert read < 3, "what was read before the pause is not read again"
        assert await shop.codes(FILE) == []

    play(tmp_path, scenario)


def test_urgent_work_is_not_put_down(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        stuck = shop.engine.stuck = asyncio.Event()
        judging = asyncio.ensure_future(shop.judge(FILE))
        await stuck.wait()
        await shop.pauses.pause(0, "")
        await settle()
        assert shop.queue.active == (shop.path(FILE),)
        judging.cancel()

    play(tmp_path, scenario)


def test_a_pause_outlives_the_daemon(tmp_path: Path) -> None:
    state = os.fsencode(tmp_path / "state.db")

    async def pause(shop: Workshop) -> None:
        await shop.pauses.pause(1000, "why")
        await shop.pauses.pause(0, "later")

    async def find_it(shop: Workshop) -> None:
        await shop.pauses.restore()
        assert shop.pauses.present is not None
        assert (shop.pauses.present.by_uid, shop.pauses.present.reason) == (1000, "why")
        shop.crew.start(shop.conductor.run())
        shop.conductor.ask(INCREMENTAL)
        await settle()
        assert shop.conductor.running == ()
        await shop.pauses.resume(0)
        await shop.pauses.resume(0)
        while "sweep-finished" not in await shop.told():
            await asyncio.sleep(0.01)

    async def find_none(shop: Workshop) -> None:
        await shop.pauses.restore()
        assert shop.pauses.present is None
        assert (await shop.told()).count("sweeps-resumed") == 1

    for act in (pause, find_it, find_none):
        play(tmp_path, act, state=state)


def test_a_full_sweep_reads_what_was_verified_longest_ago_first(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        for name in ("c", "a", "b"):
            shop.put(f"{name}.safetensors", sample(ord(name), 4000, 2))
            await shop.judge(f"{name}.safetensors")
            shop.clock.advance(60)
        began = shop.clock.now()
        numbers = await shop.database.read(lambda db: oldest.unverified_since(db, began))
        places = await shop.database.read(lambda db: oldest.places(db, numbers))
        assert [os.path.basename(place.path) for place in places] == [b"c.safetensors", b"a.safetensors", b"b.safetensors"]
        assert all(place.models for place in places)
        shop.engine.requests.clear()
        shop.crew.start(shop.conductor.run())
        await shop.conductor.sweep_now(FULL)
        assert len(shop.engine.requests) == 3
        assert not await shop.database.read(lambda db: oldest.unverified_since(db, began))

    play(tmp_path, scenario)


def test_a_full_sweep_reads_the_same_bytes_once(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        path = shop.put("a.safetensors", WEIGHTS)
        os.link(path, shop.path("b.safetensors"))
        await shop.sweep()
        shop.clock.advance(60)
        shop.engine.requests.clear()
        shop.crew.start(shop.conductor.run())
        await shop.conductor.sweep_now(FULL)
        assert [request.blocks for request in shop.engine.requests] == [((0, 4),)]

    play(tmp_path, scenario)


def test_a_full_sweep_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    """What it had verified is not read again after the restart; what it had not is."""
    state = os.fsencode(tmp_path / "state.db")
    names = ("a.safetensors", "b.safetensors")

    async def interrupted(shop: Workshop) -> None:
        for name in names:
            shop.put(name, sample(ord(name[0]), 4000, 2))
            await shop.judge(name)
            shop.clock.advance(60)
        shop.crew.start(shop.conductor.run())
        asyncio.ensure_future(shop.conductor.sweep_now(FULL)).add_done_callback(lambda _: None)
        calls: list[int] = []

        def stop_second(descriptor: int) -> None:
            calls.append(descriptor)
            if len(calls) == 2:
                shop.engine.stuck = asyncio.Event()

        shop.fake.during_read = stop_second
        while len(calls) < 2:
            await asyncio.sleep(0.01)

    async def resumed(shop: Workshop) -> None:
        assert await shop.database.read(lambda db: timers.is_under_way(db, FULL))
        shop.clock.advance(7200)
        shop.crew.start(shop.conductor.run())
        shop.engine.requests.clear()
        await shop.conductor.sweep_now(FULL)
        assert len(shop.engine.requests) <= 1
        assert not await shop.database.read(lambda db: timers.is_under_way(db, FULL))

    play(tmp_path, interrupted, state=state)
    play(tmp_path, resumed, state=state)
