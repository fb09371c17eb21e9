"""A disk that does not answer, and a worker that is none the worse for it. A real mount, whose server falls silent."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.support.bad_disk import BadDisk, bad_disk
from tests.unit.digest.sparse import blocks_only
from wan_healthd.digest.engine import Patience, WorkerEngine
from wan_healthd.domain.errors import WorkerRefused

SIZE_BYTES = 10_000


@pytest.fixture
def net(tmp_path: Path) -> Iterator[BadDisk]:
    with bad_disk(tmp_path / "net", {"model.safetensors": sample(1, SIZE_BYTES, 4)}) as disk:
        yield disk


def test_a_read_that_hangs_in_the_kernel_costs_nobody_but_itself(net: BadDisk, tmp_path: Path) -> None:
    local = tmp_path / "local.safetensors"
    local.write_bytes(sample(2, SIZE_BYTES, 4))
    lost: list[str] = []

    async def main() -> None:
        engine = WorkerEngine(on_lost=lost.append, patience=Patience(read_s=0.5, pulse_s=20.0))
        remote = await asyncio.to_thread(os.open, net.point / "model.safetensors", os.O_RDONLY)
        near = os.open(local, os.O_RDONLY)
        try:
            await engine.header(near, "safetensors")
            pid = engine.pid
            net.fall_silent()
            with pytest.raises(WorkerRefused, match="its storage has not answered") as refusal:
                await engine.read(remote, blocks_only(SIZE_BYTES), lambda run: None)
            assert refusal.value.errno_name == "ETIMEDOUT"
            await engine.header(near, "safetensors")
            assert engine.pid == pid
            net.speak()
            await engine.read(remote, blocks_only(SIZE_BYTES), lambda run: None)
            assert engine.pid == pid
        finally:
            await engine.close()
            net.speak()
            os.close(remote)
            os.close(near)

    asyncio.run(main())
    assert lost == []


def test_a_server_that_dies_costs_an_answer_and_no_silence(net: BadDisk) -> None:
    """Even closing a file is answered with ENOTCONN then."""
    lost: list[str] = []

    async def main() -> None:
        engine = WorkerEngine(on_lost=lost.append)
        remote = await asyncio.to_thread(os.open, net.point / "model.safetensors", os.O_RDONLY)
        try:
            net.die()
            outcome = asyncio.ensure_future(engine.read(remote, blocks_only(SIZE_BYTES), lambda run: None))
            await asyncio.wait([outcome], timeout=20)
            assert isinstance(outcome.exception(), WorkerRefused)
        finally:
            with contextlib.suppress(OSError):
                os.close(remote)
            await engine.close()

    asyncio.run(main())
    assert lost == []
