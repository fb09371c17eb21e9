"""NVIDIA's driver is asked only where it is, let go of, and asked anew with patience; a hang holds one thread."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from tests.support.graphics import DEVICE, LOST, MISMATCH, UNINITIALISED, Machine
from tests.support.own_process import in_own_process
from wan_healthd.domain.gpus import GpuReading, GpuRefusal
from wan_healthd.host.gpu_use import OPEN_EVERY_S, GpuUse
from wan_healthd.host.threads import ThreadPool


class Looker:
    """A machine, and what is seen of it."""

    def __init__(self, folder: Path) -> None:
        self.machine = Machine(folder)
        self.clock = FakeClock()
        self.use = GpuUse(self.clock, Machine.places)

    def percents(self) -> list[int]:
        return [look.busy_percent for look in self.use.look()]

    @property
    def sessions(self) -> tuple[int, int]:
        """That were opened, and that were closed."""
        return self.machine.calls("initialise"), self.machine.calls("shutdown")


def without_a_driver(folder: Path) -> None:
    looker = Looker(folder)
    looker.machine.on_bus(DEVICE, "0x10de")
    threads = threading.active_count()
    assert looker.percents() == []
    looker.use.close()
    assert "pynvml" not in sys.modules and threading.active_count() == threads and looker.sessions == (0, 0)


def lost(folder: Path) -> None:
    looker = Looker(folder)
    looker.machine.nvidia("10", "20")
    assert looker.percents() == [10, 20]
    looker.machine.nvml("use-0", LOST)
    assert looker.percents() == [20]
    looker.machine.nvml("use-1", LOST)
    assert looker.percents() == [] and looker.sessions == (1, 1)
    looker.machine.nvidia("30", "40")
    looker.clock.advance(OPEN_EVERY_S - 1)
    assert looker.percents() == [] and looker.sessions == (1, 1)
    looker.clock.advance(1)
    assert looker.percents() == [30, 40] and looker.sessions == (2, 1)


def reset(folder: Path) -> None:
    looker = Looker(folder)
    looker.machine.nvidia("10")
    assert looker.percents() == [10]
    looker.clock.advance(OPEN_EVERY_S)
    looker.machine.nvml("use-0", UNINITIALISED)
    assert looker.percents() == []
    looker.machine.nvml("use-0", "50")
    assert looker.percents() == [50] and looker.sessions == (2, 1)


def refused(folder: Path) -> None:
    looker = Looker(folder)
    looker.machine.nvidia("10", "20")
    for call, error in (("initialise", MISMATCH), ("initialise", "!1000"), ("count", UNINITIALISED), ("handle-0", LOST)):
        looker.machine.nvml("handle-1", LOST)
        looker.machine.nvml(call, error)
        before = looker.machine.calls("initialise")
        assert looker.percents() == looker.percents() == [] and looker.machine.calls("initialise") == before + 1, call
        looker.machine.nvml(call, "2")
        looker.clock.advance(OPEN_EVERY_S)
    assert looker.percents() == [10] and looker.sessions == (5, 2)


def closed(folder: Path) -> None:
    looker = Looker(folder)
    looker.machine.nvidia("10")
    for _ in range(3):
        assert looker.percents() == [10]
        looker.use.close()
        looker.use.close()
    assert looker.sessions == (3, 3)


def beside_somebody_else(folder: Path) -> None:
    """Who uses NVML in this process, too, keeps it."""
    looker = Looker(folder)
    looker.machine.nvidia("10")
    assert looker.percents() == [10] and is_loaded()
    looker.use.close()
    assert not is_loaded() and "pynvml" not in sys.modules
    import pynvml  # type: ignore[import-untyped]

    pynvml.nvmlInit()
    assert looker.percents() == [10]
    looker.use.close()
    assert pynvml.nvmlDeviceGetCount() == 1 and is_loaded()


def is_loaded() -> bool:
    return "libnvidia-ml" in Path("/proc/self/maps").read_text()


def asleep(folder: Path) -> None:
    looker = Looker(folder)
    looker.machine.nvidia("10")
    looker.machine.amd("50")
    for device in (f"pci/{DEVICE}", "drm/card0/device"):
        looker.machine.write(f"{device}/power/runtime_status", "suspended\n")
    assert looker.percents() == [0] and looker.use.examine().is_asleep and looker.sessions == (0, 0)
    looker.machine.write("pci/0000:02:00.0/power/runtime_status", "active\n")
    assert looker.percents() == [10, 0]


def without_the_module(folder: Path) -> None:
    looker = Looker(folder)
    looker.machine.nvidia("10")
    sys.modules["pynvml"] = None  # type: ignore[assignment]
    assert looker.percents() == [] and looker.use.examine().refusal is GpuRefusal.NO_MODULE and looker.sessions == (0, 0)


def examined(folder: Path) -> None:
    """By the doctor, who is told anew, and leaves things as they were."""
    looker = Looker(folder)
    looker.machine.nvidia("10")
    assert looker.use.examine().driver == "550.163.01" and looker.sessions == (1, 1)
    assert looker.percents() == [10] and looker.use.examine().refusal is None and looker.sessions == (2, 1)
    looker.machine.nvml("use-0", LOST)
    assert looker.percents() == [] and looker.use.examine().refusal is GpuRefusal.OTHER and looker.sessions == (3, 3)
    looker.machine.nvml("use-0", "20")
    assert looker.use.examine().nvidia == (GpuReading("GeForce 0", 20),) and looker.sessions == (4, 4)


async def hanging(folder: Path) -> None:
    looker, threads = Looker(folder), ThreadPool()
    looker.machine.nvidia("10")
    looker.machine.nvml("use-0", "hang")
    first = asyncio.ensure_future(threads.run(looker.percents))
    while not looker.machine.calls("use-0"):
        await asyncio.sleep(0.01)
    for _ in range(20):
        assert await threads.run(looker.percents) == []
    await threads.run(looker.use.close)
    assert (await threads.run(looker.use.examine)).refusal is GpuRefusal.HANGS
    assert not first.done() and looker.machine.calls("use-0") == 1 and looker.sessions == (1, 0)
    looker.machine.nvml("use-0", "90")
    assert await first == [90] and looker.percents() == [90]
    threads.close()


SCENARIOS = [
    without_a_driver,
    lost,
    reset,
    refused,
    closed,
    beside_somebody_else,
    asleep,
    without_the_module,
    examined,
    hanging,
]


@pytest.mark.parametrize(
    "scenario",
    SCENARIOS,
    ids=lambda scenario: scenario.__name__,
)
def test_nvidia(scenario: Any, graphics: Path) -> None:
    in_own_process(scenario, graphics)
