"""A file that somebody still has open for writing: not judged while it comes in, and not left alone for ever."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, WEIGHTS, play
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.kernel.filesystem import filesystem_magic
from wan_healthd.kernel.writers import LEASED_FOR_ALL
from wan_healthd.services.arriving import FRESH_S, LULL_S

HALF = len(WEIGHTS) // 2


@pytest.fixture(autouse=True)
def leases(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    magic = filesystem_magic(descriptor)
    os.close(descriptor)
    if magic not in LEASED_FOR_ALL:
        pytest.skip("nobody says who writes on this file system")


def written(shop: Workshop, file: BinaryIO, content: bytes, idle_s: float) -> None:
    """As if somebody had written it so long ago."""
    file.write(content)
    file.flush()
    at_ns = int((shop.clock.now().timestamp() - idle_s) * 1e9)
    os.utime(file.fileno(), ns=(at_ns, at_ns))


@pytest.mark.parametrize(("came", "idle_s"), [(HALF, 0.0), (HALF, FRESH_S - 1), (0, 3.0)])
def test_a_stalled_download_is_no_damage(tmp_path: Path, came: int, idle_s: float) -> None:
    async def scenario(shop: Workshop) -> None:
        os.makedirs(os.path.dirname(shop.path(FILE)))
        with open(shop.path(FILE), "wb") as file:
            written(shop, file, WEIGHTS[:came], idle_s)
            await shop.judge(FILE)
            assert await shop.codes(FILE) == ["could-not-judge"]
            assert (await shop.result(MODEL)).health_status is HealthStatus.UNKNOWN
            assert shop.retries == [shop.path(FILE)], "it is not forgotten if its end is never heard of"
            written(shop, file, WEIGHTS[came:], 0.0)
        await shop.judge(FILE)
        assert (await shop.codes(FILE), shop.engine.requests != []) == ([], True)

    play(tmp_path, scenario)


def test_what_nobody_ever_closes_is_judged_in_the_end(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        os.makedirs(os.path.dirname(shop.path(FILE)))
        with open(shop.path(FILE), "wb") as file:
            written(shop, file, WEIGHTS[:HALF], FRESH_S + 1)
            await shop.judge(FILE)
            assert await shop.codes(FILE) == ["safetensors-truncated"]

    play(tmp_path, scenario)


def test_what_was_whole_is_left_alone_for_a_minute_only(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        for idle_s, code in ((0.0, "could-not-judge"), (LULL_S + 1, "safetensors-truncated")):
            with open(shop.path(FILE), "wb") as file:
                written(shop, file, WEIGHTS[:HALF], idle_s)
                await shop.judge(FILE)
                assert await shop.codes(FILE) == [code]

    play(tmp_path, scenario)
