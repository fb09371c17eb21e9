"""The one task group."""

from __future__ import annotations

import asyncio

import pytest

from wan_healthd.services.crew import Crew


async def for_ever() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise ValueError("loudly")


def test_leaving_ends_what_still_runs() -> None:
    async def scenario() -> None:
        async with Crew() as crew:
            running, done = crew.start(for_ever()), crew.start(asyncio.sleep(0, "done"))
            assert await done == "done"
        assert running.cancelled()

    asyncio.run(scenario())


def test_a_task_that_fails_takes_all_down() -> None:
    async def scenario() -> None:
        async with Crew() as crew:
            crew.start(fail())
            await for_ever()

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(asyncio.wait_for(scenario(), 5))
    assert caught.group_contains(ValueError, match="loudly")
