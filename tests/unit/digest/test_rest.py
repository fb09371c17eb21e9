"""A worker that nobody needs is ended, and that is no loss."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from tests.support import virtual_time
from tests.unit.digest.sparse import blocks_only, sparse_file
from tests.unit.digest.test_engine import ends_within
from wan_healthd.digest.engine import WorkerEngine
from wan_healthd.digest.rest import Rest
from wan_healthd.domain.ports import BlockRun

PATIENCE_S = 20.0
BLINK_S = 0.001


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(BLINK_S)


def test_rest_begins_a_while_after_the_last_use() -> None:
    begun: list[float] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        rest = Rest(10.0, lambda: begun.append(loop.time()))
        rest.used()
        await asyncio.sleep(6.0)
        with rest.put_off():
            await asyncio.sleep(50.0)
            rest.used()
            await asyncio.sleep(1.0)
        await asyncio.sleep(4.0)
        rest.used()
        await asyncio.sleep(100.0)
        assert begun == [71.0], "once, ten seconds after the last of all"
        rest.used()
        rest.close()
        await asyncio.sleep(100.0)
        assert begun == [71.0]

    virtual_time.run(scenario())


def test_a_worker_at_rest_is_ended_and_the_next_job_has_another_one(tmp_path: Path) -> None:
    lost: list[str] = []

    async def scenario() -> None:
        engine = WorkerEngine(on_lost=lost.append, rest_s=BLINK_S)
        try:
            with sparse_file(tmp_path / "file", 10) as descriptor:
                for _ in range(2):
                    engine.get_ready()
                    pid = engine.pid
                    assert pid is not None
                    await until(lambda: engine.pid is None)
                    assert ends_within(pid, PATIENCE_S)
                    await engine.header(descriptor, "safetensors")
                await until(lambda: engine.pulses is None)
        finally:
            await engine.close()
        engine.get_ready()
        assert engine.pid is None, "closed is closed"

    asyncio.run(scenario())
    assert lost == []


def test_a_worker_that_reads_is_not_at_rest(tmp_path: Path) -> None:
    lost: list[str] = []
    pids: set[int | None] = set()

    async def scenario() -> None:
        engine = WorkerEngine(on_lost=lost.append, rest_s=BLINK_S)
        runs: list[BlockRun] = []
        try:
            with sparse_file(tmp_path / "endless", 1 << 43) as endless:
                reading = asyncio.create_task(engine.read(endless, blocks_only(1 << 43), runs.append))
                while len(runs) < 3:
                    await asyncio.sleep(BLINK_S)
                    pids.add(engine.pid)
                reading.cancel()
                await asyncio.wait([reading])
            await until(lambda: engine.pid is None)
        finally:
            await engine.close()

    asyncio.run(asyncio.wait_for(scenario(), 3 * PATIENCE_S))
    assert len(pids - {None}) == 1
    assert lost == []


def test_a_worker_that_cannot_be_started_ahead_is_told_by_the_job() -> None:
    async def scenario() -> None:
        engine = WorkerEngine(on_lost=lambda why: None, command=("/nonexistent/worker",))
        engine.get_ready()
        assert engine.pid is None
        await engine.close()

    asyncio.run(scenario())
