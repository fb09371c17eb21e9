"""Opening a house: its state, its threads and its worker are made before the services, and end after them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from wan_healthd.assembly import House
from wan_healthd.blueprint import Blueprint
from wan_healthd.digest.engine import WorkerEngine
from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.host.clock import SystemClock
from wan_healthd.host.threads import ThreadPool, spawn
from wan_healthd.services.crew import Crew
from wan_healthd.store.database import Database


@contextlib.asynccontextmanager
async def open_house(blueprint: Blueprint) -> AsyncIterator[House]:
    """Open the state, start the services, and end them in the reverse order.

    Raises:
        StoreUnusable: the state cannot be used.
    """
    async with contextlib.AsyncExitStack() as stack:
        threads = ThreadPool()
        stack.callback(threads.close)
        now = SystemClock().now()
        database = await threads.run(lambda: Database(blueprint.state, spawn, now=now, tell=blueprint.opening))
        stack.push_async_callback(threads.run, database.close)
        engine = WorkerEngine(
            on_lost=lambda why: house.worker_watch.lost(why),  # noqa: PLW0108 - the house is made below
            concurrency=blueprint.reads_at_once,
        )
        stack.push_async_callback(engine.close)
        crew = await stack.enter_async_context(Crew())
        house = House(blueprint, database, engine, threads, crew)
        try:
            await house.adopt()
            await house.worker_watch.begin()
        except StoreUnusable as error:  # a full disk must not end the house: it watches, and says so
            blueprint.complain(f"the state is not taken up yet: {error.message}", None)
        await house.pauses.restore()
        await house.generations.restore()
        stack.callback(house.copies.close)
        services = (
            house.pacer.run,
            house.generations.run,
            house.inspector.run,
            house.conductor.run,
            house.feed.run,
            house.alerter.run,
            house.lookup.run,
            house.state_watch.run,
            house.retention.run,
            house.copies.run,
        )
        for service in services:
            crew.start(service())
        stack.push_async_callback(house.stop_monitoring)
        yield house
