"""Answers that are shared by all who ask at the same time."""

from __future__ import annotations

import asyncio

import pytest

from wan_healthd.services.crew import Crew
from wan_healthd.services.shared import Shared


class Press:
    """Makes numbers, one after the other, each when it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = asyncio.Event()

    async def make(self) -> int:
        self.begun += 1
        number = self.begun
        await self.go.wait()
        if number == 2:
            raise LookupError("the second is broken")
        return number


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_all_who_ask_meanwhile_share_the_next_one() -> None:
    async def scene() -> None:
        async with Crew() as crew:
            press = Press()
            shared = Shared(press.make, crew)
            first = asyncio.create_task(shared.get())
            await turns()
            others = [asyncio.create_task(shared.get()) for _ in range(3)]
            await turns()
            assert press.begun == 1
            press.go.set()
            assert await first == 1
            with pytest.raises(LookupError):
                await others[0]
            await asyncio.gather(*others, return_exceptions=True)
            assert press.begun == 2
            assert await shared.get() == 3

    asyncio.run(scene())


def test_who_stops_waiting_stops_nobody_else() -> None:
    async def scene() -> None:
        async with Crew() as crew:
            press = Press()
            shared = Shared(press.make, crew)
            impatient, patient = asyncio.create_task(shared.get()), asyncio.create_task(shared.get())
            await turns()
            impatient.cancel()
            press.go.set()
            assert await patient == 1
            assert impatient.cancelled()

    asyncio.run(scene())


def test_nobody_waits_for_a_house_that_ended() -> None:
    async def scene() -> None:
        async with Crew() as crew:
            shared = Shared(Press().make, crew)
            waiting = [asyncio.create_task(shared.get())]
            await turns()
            waiting.append(asyncio.create_task(shared.get()))
            await turns()
        await asyncio.wait(waiting)
        assert all(task.cancelled() for task in waiting)

    asyncio.run(scene())
