"""A month on a fake clock: sweeps when due, exposure right, alerts few, clear and right, through sleep, jumps and restarts.

month.txt is the whole journal of that month: every record that a person would have got, and every sweep.

Times are UTC throughout, so that no hour is ever skipped or repeated: summer time is no matter.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.fakes.safetensors_files import sample
from tests.unit.services.diary import Diary
from wan_healthd.domain.settings import Settings
from wan_healthd.domain.storage import DiskUsage

GOLDEN = Path(__file__).with_name("month.txt")
MIB = 1 << 20
ROTTEN, ROTTEN_BLOCK = "large", 2
"""The only model with so many blocks."""


async def live_through_january(diary: Diary) -> None:
    async with diary.daemon():
        diary.shop.put("small.safetensors", sample(1, MIB, 4))
        diary.shop.put(f"{ROTTEN}/a.safetensors", sample(2, 3 * MIB, 4))
        await diary.hint()
        await diary.until(3, 12)
        diary.misread[ROTTEN_BLOCK] = 1 << 30  # a sector went bad, and no time stamp tells of it
        await diary.until(5)
    async with diary.daemon():
        await diary.until(10)
        await diary.turn_clock(+3)  # the lid was closed
        await diary.until(13, 12)
        await diary.shop.pauses.pause(1000, "a film is rendered")
        await diary.until(15, 6)
        await diary.turn_clock(-2)  # somebody set the clock wrong
        await diary.until(14, 6)
        await diary.turn_clock(+2)  # and right again
        await diary.until(18)
    async with diary.daemon():
        await diary.until(20)
        (damage,) = [row for row in await diary.ledger.rows(10) if row.kind == "corruption-found"]
        await diary.ledger.acknowledge(damage.id, 1000)
        await diary.until(21)
        await lose_root(diary, 5)
        await diary.until(21, 12)
        await lose_root(diary, 3600)
        await diary.until(22)
        fill_disk(diary, 85)
        await diary.until(23)
        fill_disk(diary, 96)
        await diary.until(24)
        fill_disk(diary, 40)
        await diary.until(25, 12)
        del diary.misread[ROTTEN_BLOCK]  # the disk was replaced
        await diary.shop.jobs.check(ROTTEN, full=True)
        await diary.settle()
        await diary.until(26, 12)
        await diary.shop.pauses.resume(1000)
        await diary.settle()
        await diary.until(31)


async def lose_root(diary: Diary, seconds: float) -> None:
    root = diary.shop.root
    os.rename(root, root + b".away")
    await diary.hint()
    told_after_s = min(seconds, 15)
    await diary.pass_s(told_after_s)
    await diary.pass_s(seconds - told_after_s)
    os.rename(root + b".away", root)
    await diary.hint()
    await diary.pass_s(3600 - seconds)


def fill_disk(diary: Diary, percent: int) -> None:
    diary.shop.usage = DiskUsage(device=1, used_bytes=percent << 30, available_bytes=(100 - percent) << 30)


def test_a_month(tmp_path: Path) -> None:
    diary = Diary(tmp_path, Settings())
    asyncio.run(live_through_january(diary))
    assert diary.text().splitlines() == GOLDEN.read_text().splitlines()
