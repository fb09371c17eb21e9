"""The gate looks at the files themselves; a file system that does not answer costs one thread, however many ask."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, OTHER, WEIGHTS, play
from wan_healthd.domain.errors import ModelNotFound
from wan_healthd.domain.files import FileLook
from wan_healthd.domain.gate import GateCode
from wan_healthd.domain.ports import Files
from wan_healthd.host.files import LocalFiles
from wan_healthd.services.gate import Gatekeeper


class DeadMount(LocalFiles):
    """Answers nothing while it is dead; `asked` counts the threads that wait."""

    def __init__(self) -> None:
        super().__init__()
        self.lives = threading.Event()
        self.asked = 0

    def look(self, root: bytes, path: bytes) -> FileLook:
        self.asked += 1
        self.lives.wait(10)
        return super().look(root, path)


def gatekeeper(shop: Workshop, files: Files | None = None, *, reads_content: bool = True) -> Gatekeeper:
    return Gatekeeper(
        database=shop.database,
        files=files or shop.files,
        threads=shop.threads,
        clock=shop.clock,
        crew=shop.crew,
        reads_content=reads_content,
        patience_s=0.3,
    )


def test_a_change_closes_it_before_anybody_was_told(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        gate = gatekeeper(shop)
        shop.put(FILE, WEIGHTS)
        await shop.sweep()
        assert (await gate.gate(MODEL)).code is GateCode.HEALTHY
        times = os.stat(shop.path(FILE))
        shop.put(FILE, OTHER)
        os.utime(shop.path(FILE), ns=(times.st_atime_ns, times.st_mtime_ns))
        assert (await gate.gate(MODEL)).code is GateCode.CHANGING, "the same size and mtime, but not the same file"
        await shop.sweep()
        assert (await gate.gate(MODEL)).code is GateCode.CORRUPTED
        with pytest.raises(ModelNotFound):
            await gate.gate("nobody")

    play(tmp_path, scenario)


def test_a_dead_file_system_closes_it_and_holds_one_thread(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        mount = DeadMount()
        gate = gatekeeper(shop, mount)
        shop.put(FILE, WEIGHTS)
        await shop.sweep()
        told = await asyncio.gather(*(gate.gate(MODEL) for _ in range(20)))
        assert {answer.code for answer in told} == {GateCode.OUT_OF_REACH}
        assert mount.asked == 1
        mount.lives.set()
        assert (await gate.gate(MODEL)).code is GateCode.HEALTHY

    play(tmp_path, scenario)
