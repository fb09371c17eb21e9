"""What the doctor is told of graphics processors, on machines that lack the one thing or the other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.support.graphics import DEVICE, LOST, MISMATCH, UNSUPPORTED, Machine
from tests.support.own_process import in_own_process
from tests.support.unprivileged import UID
from wan_healthd.domain.gpus import GpuFacts
from wan_healthd.host.gpu_use import GpuUse
from wan_healthd.host.probes import gpus

NVIDIA, INTEL = "0x10de", "0x8086"


def examine() -> GpuFacts:
    return gpus.examine(GpuUse(FakeClock(), Machine.places))


def machines(folder: Path) -> list[GpuFacts]:
    """One that grows: from nothing to all that it needs."""
    machine = Machine(folder)
    found = [examine()]
    machine.on_bus(DEVICE, NVIDIA, "0x030200")
    machine.on_bus("0000:01:00.1", NVIDIA, "0x040300")
    machine.on_bus("0000:00:02.0", INTEL)
    found.append(examine())
    machine.write("driver/version", "NVRM version: 550.163.01")
    found.append(examine())
    machine.nvidia("10", UNSUPPORTED)
    machine.nvml("initialise", MISMATCH)
    found.append(examine())
    machine.nvml("initialise", "!0")
    machine.amd("55")
    found.append(examine())
    assert (machine.calls("initialise"), machine.calls("shutdown")) == (2, 1)
    return found


def lost(folder: Path) -> GpuFacts:
    machine = Machine(folder)
    machine.nvidia(LOST)
    facts = examine()
    assert machine.calls("shutdown") == 1
    return facts


def closed(folder: Path) -> GpuFacts:
    machine = Machine(folder)
    machine.nvidia("10")
    machine.write("dev/nvidia0", "")
    (folder / "dev" / "nvidia0").chmod(0o600 if os.geteuid() == 0 else 0)
    folder.chmod(0o755)
    if os.geteuid() == 0:
        os.seteuid(UID)
    return examine()


def test_a_machine_that_grows(graphics: Path) -> None:
    nothing, on_the_bus, without_nodes, unfit, well = in_own_process(machines, graphics)
    there = {
        "nvidia": [],
        "amd": [],
        "driver": None,
        "refusal": None,
        "words": "",
        "is_asleep": False,
        "on_bus": ["Intel", "NVIDIA"],
    }
    assert nothing == {**there, "on_bus": []}
    assert on_the_bus == {**there, "refusal": "no-driver"}
    assert without_nodes == {**there, "refusal": "no-nodes"}
    assert unfit == {**there, "refusal": "mismatch", "words": "RM has detected an NVML/RM version mismatch."}
    assert well == {
        **there,
        "nvidia": [{"name": "GeForce 0", "busy_percent": 10}, {"name": "GeForce 1", "busy_percent": None}],
        "amd": [{"name": "Radeon 0", "busy_percent": 55}],
        "driver": "550.163.01",
    }


def test_a_device_that_fell_off_the_bus(graphics: Path) -> None:
    facts = in_own_process(lost, graphics)
    assert (facts["refusal"], facts["words"]) == ("other", "GPU is lost")


def test_a_device_node_that_we_may_not_open(graphics: Path) -> None:
    facts = in_own_process(closed, graphics)
    assert facts["refusal"] == "no-permission" and "dev/nvidia0 of " in facts["words"]


def test_a_library_that_cannot_be_loaded(graphics: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (graphics / "libnvidia-ml.so.1").write_bytes(b"\x7fELF" + bytes(100))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(graphics))
    assert in_own_process(unloadable, graphics)["refusal"] == "no-library"


def unloadable(folder: Path) -> GpuFacts:
    Machine(folder).nvidia("10")
    return examine()
