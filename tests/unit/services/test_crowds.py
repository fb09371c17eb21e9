"""Few hints go on singly; a crowd becomes one sweep that begins after its last hint."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from wan_healthd.services.crowds import Crowds

MOST = 3


def crowd(scenario: Callable[[Crowds, list[bytes], list[bytes]], Awaitable[None]]) -> None:
    async def live() -> None:
        single: list[bytes] = []
        swept: list[bytes] = []
        crowds = Crowds(single.append, swept.append, most_single=MOST, gather_s=0.02)
        await scenario(crowds, single, swept)
        crowds.close()

    asyncio.run(live())


def test_few_of_many_folders_go_on_at_once() -> None:
    async def scenario(crowds: Crowds, single: list[bytes], swept: list[bytes]) -> None:
        told = [b"/r/%d/%d" % (folder, file) for folder in range(20) for file in range(MOST)]
        for path in told:
            crowds.add(path)
        await asyncio.sleep(0.05)
        assert (single, swept) == (told, [])

    crowd(scenario)


def test_a_crowd_is_one_sweep_and_later_ones_are_another() -> None:
    async def scenario(crowds: Crowds, single: list[bytes], swept: list[bytes]) -> None:
        for number in range(1000):
            crowds.add(b"/r/a/%d" % number)
        crowds.add(b"/r/b/x")
        assert (len(single), swept) == (MOST + 1, [])
        await asyncio.sleep(0.05)
        assert swept == [b"/r/a"]
        crowds.add(b"/r/a/later")
        assert len(single) == MOST + 1, "the folder is crowded for as long as the second lasts"
        await asyncio.sleep(0.05)
        assert swept == [b"/r/a", b"/r/a"]

    crowd(scenario)


def test_what_gathers_is_forgotten_at_the_end() -> None:
    async def scenario(crowds: Crowds, single: list[bytes], swept: list[bytes]) -> None:
        for number in range(MOST + 1):
            crowds.add(b"/r/%d" % number)
        crowds.close()
        await asyncio.sleep(0.05)
        assert swept == []

    crowd(scenario)
