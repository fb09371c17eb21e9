"""Reading content: first reads, scrubs, and the second look at what differs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, OTHER, PLAIN, WEIGHTS, play
from wan_healthd.domain.digests import BLOCK_BYTES, Assurance, block_count
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.findings import Cause
from wan_healthd.domain.ports import BlockRun
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.services import progress
from wan_healthd.services.passes import SECOND_READ_BLOCKS, SMALL_BYTES
from wan_healthd.services.progress import ProgressSaver
from wan_healthd.services.queue import Priority, Task
from wan_healthd.store import contents

BLOCKS = block_count(len(WEIGHTS))
LONG = sample(1, SMALL_BYTES + 1, 2)
FOREVER = 10**9


def judged_once(
    scenario: Callable[[Workshop], Awaitable[None]], content: bytes = WEIGHTS
) -> Callable[[Workshop], Awaitable[None]]:
    """The scenario begins with a sound file that is the baseline."""

    async def begin(shop: Workshop) -> None:
        shop.put(FILE, content)
        await shop.judge(FILE)
        shop.engine.requests.clear()
        shop.clock.advance(60)
        await scenario(shop)

    return begin


async def assert_transient(shop: Workshop) -> None:
    (finding,) = await shop.findings(FILE)
    assert (finding.code, finding.cause, finding.is_advice) == ("transient-read", Cause.TRANSIENT, True)
    assert finding.ranges == (ByteRange(BLOCK_BYTES, BLOCK_BYTES),)
    assert (await shop.result(MODEL)).health_status is HealthStatus.HEALTHY
    await shop.sweep()
    assert await shop.codes(FILE) == [], "read right again, the advice is over"


def test_a_read_that_lied_once_is_advice(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.engine.misread[1] = 1
        await shop.full_sweep()
        await assert_transient(shop)

    play(tmp_path, judged_once(scenario))


def test_a_first_read_that_lied_once_is_made_again(tmp_path: Path) -> None:
    """Its SHA-256 would be wrong for ever."""

    async def scenario(shop: Workshop) -> None:
        before = await shop.state(FILE)
        os.utime(shop.path(FILE))
        shop.engine.misread[1] = 1
        await shop.judge(FILE)
        after = await shop.state(FILE)
        assert before is not None
        assert after is not None
        assert before.content is not None
        assert after.content is not None
        assert after.content.sha256 == before.content.sha256
        assert after.content.id != before.content.id
        await assert_transient(shop)

    play(tmp_path, judged_once(scenario))


def test_a_file_that_each_read_sees_otherwise_cannot_be_judged(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        os.utime(shop.path(FILE))
        shop.fake.during_read = lambda descriptor: shop.engine.misread.update({1: len(shop.engine.requests) % 2})
        await shop.judge(FILE)
        assert len(shop.engine.requests) == 4, "it gives up"
        assert await shop.codes(FILE) == ["could-not-judge"]
        assert (await shop.result(MODEL)).health_status is HealthStatus.UNKNOWN

    play(tmp_path, judged_once(scenario))


def test_rot_is_named_and_stays_named(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.engine.misread[1] = FOREVER
        await shop.full_sweep()
        (first,) = await shop.findings(FILE)
        assert (first.code, first.cause) == ("checksum-mismatch", Cause.DISK)
        assert first.ranges == (ByteRange(BLOCK_BYTES, BLOCK_BYTES),)
        assert first.tensors
        shop.engine.requests.clear()
        await shop.sweep()
        assert await shop.findings(FILE) == (first,)
        assert {request.blocks for request in shop.engine.requests} == {((1, 2),)}, "only what is suspect is read again"
        assert (await shop.told(MODEL)).count("finding-opened") == 1
        assert "finding-changed" not in await shop.told(MODEL)
        assert (await shop.result(MODEL)).checksum is None
        shop.engine.misread.clear()
        await shop.sweep()
        assert await shop.findings(FILE) == ()

    play(tmp_path, judged_once(scenario))


def test_damage_whose_tensors_cannot_be_named_is_damage_still(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.engine.cannot_locate = True
        shop.engine.misread[1] = FOREVER
        await shop.full_sweep()
        (finding,) = await shop.findings(FILE)
        assert (finding.code, finding.tensors) == ("checksum-mismatch", ())

    play(tmp_path, judged_once(scenario))


def test_a_scrub_that_was_stopped_before_its_last_word_has_nothing_left_to_read(tmp_path: Path) -> None:
    state = os.fsencode(tmp_path / "state.db")

    async def interrupted(shop: Workshop) -> None:
        stuck = shop.engine.stuck = asyncio.Event()
        await shop.queue.put(Task(shop.path(FILE), shop.root, Priority.DUE, full=True))
        await stuck.wait()

    async def resumed(shop: Workshop) -> None:
        await shop.sweep()
        assert shop.engine.requests == []
        assert await shop.codes(FILE) == []
        shop.engine.requests.clear()
        await shop.sweep()
        assert shop.engine.requests == []

    play(tmp_path, judged_once(interrupted), state=state)
    play(tmp_path, resumed, state=state)


def test_rot_survives_worse_and_better_reads(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.engine.misread[0] = FOREVER
        await shop.full_sweep()
        shop.engine.misread[2] = FOREVER
        await shop.full_sweep()
        (finding,) = await shop.findings(FILE)
        assert finding.ranges == (ByteRange(0, BLOCK_BYTES), ByteRange(2 * BLOCK_BYTES, BLOCK_BYTES))
        assert (await shop.told(MODEL)).count("finding-changed") == 1

    play(tmp_path, judged_once(scenario))


def refuse(shop: Workshop, *ranges: ByteRange) -> None:
    shop.fake.unreadable[os.stat(shop.path(FILE)).st_ino] = ranges


BAD_SECTOR = ByteRange(BLOCK_BYTES + 4096, 4096)


@pytest.mark.parametrize("is_known", [False, True])
def test_bytes_that_the_disk_refuses(tmp_path: Path, is_known: bool) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        if is_known:
            await shop.judge(FILE)
        refuse(shop, BAD_SECTOR)
        await shop.full_sweep()
        (finding,) = await shop.findings(FILE)
        assert (finding.code, finding.cause, finding.ranges) == ("read-error", Cause.UNREADABLE, (BAD_SECTOR,))
        assert finding.tensors
        assert (await shop.result(MODEL)).health_status is HealthStatus.CORRUPTED
        await shop.sweep()
        assert await shop.codes(FILE) == ["read-error"]
        shop.fake.unreadable.clear()
        await shop.sweep()
        assert await shop.codes(FILE) == []

    play(tmp_path, scenario)


@pytest.mark.parametrize("is_known", [False, True])
def test_bytes_that_the_disk_refuses_once(tmp_path: Path, is_known: bool) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        if is_known:
            await shop.judge(FILE)
        refuse(shop, BAD_SECTOR)
        shop.fake.during_read = lambda descriptor: shop.fake.unreadable.clear()
        await shop.full_sweep()
        assert await shop.codes(FILE) == []
        state = await shop.state(FILE)
        assert state is not None
        assert state.content is not None
        assert state.content.is_whole

    play(tmp_path, scenario)


def test_a_bad_sector_does_not_hide_rot_elsewhere(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        refuse(shop, BAD_SECTOR)
        await shop.full_sweep()
        shop.engine.misread[2] = FOREVER
        await shop.full_sweep()
        assert set(await shop.codes(FILE)) == {"read-error", "checksum-mismatch"}

    play(tmp_path, judged_once(scenario))


async def half_a_scrub(shop: Workshop, rot: int) -> None:
    """The daemon is stopped when everything was read, but nothing was judged yet."""
    shop.engine.misread[rot] = FOREVER
    stuck = shop.engine.stuck = asyncio.Event()
    await shop.queue.put(Task(shop.path(FILE), shop.root, Priority.DUE, full=True))
    await stuck.wait()


@pytest.mark.parametrize(("content", "rot"), [(WEIGHTS, 0), (WEIGHTS, BLOCKS - 1), (LONG, 1)], ids=["first", "last", "long"])
def test_a_scrub_goes_on_where_it_was_interrupted_and_forgets_nothing(tmp_path: Path, content: bytes, rot: int) -> None:
    state = os.fsencode(tmp_path / "state.db")

    async def interrupted(shop: Workshop) -> None:
        await half_a_scrub(shop, rot)

    async def resumed(shop: Workshop) -> None:
        shop.clock.advance(120)
        shop.engine.misread[rot] = FOREVER
        await shop.sweep()  # an incremental one, as at each start
        first, *_ = shop.engine.requests
        assert first.blocks == ((rot, rot + 1),), "the rest was proven before"
        (finding,) = await shop.findings(FILE)
        assert (finding.code, finding.cause) == ("checksum-mismatch", Cause.DISK)
        shop.engine.requests.clear()
        await shop.full_sweep()
        assert shop.engine.requests[0].blocks == ((0, block_count(len(content))),), "the next scrub is a new one"

    play(tmp_path, judged_once(interrupted, content), state=state)
    play(tmp_path, resumed, state=state)


def test_a_scrub_with_a_bad_sector_ends_too(tmp_path: Path) -> None:
    """Else the next one would look at the bad sector only, for as long as it is bad."""

    async def scenario(shop: Workshop) -> None:
        refuse(shop, BAD_SECTOR)
        await shop.full_sweep()
        shop.engine.requests.clear()
        await shop.full_sweep()
        assert shop.engine.requests[0].blocks == ((0, BLOCKS),)

    play(tmp_path, judged_once(scenario))


def test_a_scrub_renews_the_proof(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        state = await shop.state(FILE)
        assert state is not None
        assert state.content is not None
        content = state.content
        shop.engine.misread[1] = FOREVER
        await shop.full_sweep()
        times = {
            extent.first_block: extent.verified_at
            for extent in await shop.database.read(lambda db: contents.extents(db, content.id))
        }
        assert set(times) == {0, 1, 2}
        assert times[0] == times[2] == shop.clock.now()
        assert times[1] < times[0], "what was wrong is not proven"

    play(tmp_path, judged_once(scenario))


@pytest.mark.parametrize("assurance", list(Assurance))
def test_what_the_engine_claims_is_kept(tmp_path: Path, assurance: Assurance) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.fake.assurance = assurance
        shop.put(FILE, WEIGHTS)
        state = await shop.judge(FILE)
        assert state is not None
        assert state.content is not None
        content = state.content
        (extent,) = await shop.database.read(lambda db: contents.extents(db, content.id))
        assert extent.assurance is assurance
        await shop.full_sweep()  # what was only received is read again by itself: let that end

    play(tmp_path, scenario)


def test_the_second_read_is_bounded(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        size = (SECOND_READ_BLOCKS + 10) * BLOCK_BYTES
        for byte in (b"a", b"b"):
            path = shop.put(PLAIN, byte)
            os.truncate(path, size)
            with open(path, "r+b") as file:
                for block in range(SECOND_READ_BLOCKS + 10):
                    file.seek(block * BLOCK_BYTES)
                    file.write(byte)
            await shop.judge(PLAIN)
        second = shop.engine.requests[-1].blocks
        assert second == ((0, SECOND_READ_BLOCKS),)
        (finding,) = await shop.findings(PLAIN)
        assert finding.ranges == (ByteRange(0, size),), "blocks beyond the bound keep the word of the first read"

    play(tmp_path, scenario)


def test_nothing_is_read_of_what_is_known(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        await shop.judge(FILE)
        await shop.sweep()
        assert shop.engine.requests == []
        shop.put(FILE, OTHER)
        await shop.judge(FILE)
        shop.engine.requests.clear()
        await shop.judge(FILE)
        assert shop.engine.requests == []
        assert await shop.codes(FILE) == ["checksum-mismatch"]

    play(tmp_path, judged_once(scenario))


def test_a_file_that_changes_between_the_reads_is_not_judged(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, OTHER)
        path = shop.path(FILE)

        def touch_during_the_second(descriptor: int) -> None:
            if len(shop.fake.requests) == 2:
                os.utime(path)

        shop.fake.requests.clear()
        shop.fake.during_read = touch_during_the_second
        await shop.judge(FILE)
        assert await shop.codes(FILE) == ["could-not-judge"]

    play(tmp_path, judged_once(scenario))


def test_activity_counts_bytes_and_forgets_files(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        seen: list[tuple[bytes, ...]] = []
        shop.fake.during_read = lambda descriptor: seen.append(shop.activity.reading)
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        assert shop.activity.bytes_read == len(WEIGHTS)
        assert seen == [(shop.path(FILE),)]
        assert shop.activity.reading == ()

    play(tmp_path, scenario)


def test_progress_is_saved_by_size_and_by_time() -> None:
    async def scenario() -> None:
        saved: list[list[BlockRun]] = []
        clock = FakeClock()

        async def save(runs: list[BlockRun]) -> None:
            saved.append(runs)

        saver = ProgressSaver(save, clock)
        task = asyncio.ensure_future(saver.run())

        async def add(first: int, count: int, assurance: Assurance = Assurance.DISK) -> None:
            saver.add(BlockRun(first, bytes(32 * count), assurance))
            for _ in range(3):
                await asyncio.sleep(0)

        per_save = progress.SAVE_BYTES // BLOCK_BYTES
        await add(0, per_save - 1)
        assert saved == []
        await add(per_save - 1, 1)
        assert [(run.first_block, run.end_block) for run in saved.pop()] == [(0, per_save)], "adjacent runs are joined"
        await add(per_save, 1)
        clock.advance(progress.SAVE_S)
        await add(per_save + 1, 1, Assurance.MEMORY)
        assert [(run.first_block, run.assurance) for run in saved.pop()] == [
            (per_save, Assurance.DISK),
            (per_save + 1, Assurance.MEMORY),
        ]
        await add(9000, 1)
        await saver.flush()
        await saver.flush()
        assert len(saved) == 1
        task.cancel()

    asyncio.run(scenario())
