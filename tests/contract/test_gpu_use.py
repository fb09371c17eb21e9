"""How busy graphics processors are: one suite for NVML's library and for AMD's files, and the real thing where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.support.graphics import UNSUPPORTED, Machine
from tests.support.own_process import in_own_process
from wan_healthd.domain.gpus import MOST_CHARACTERS, MOST_DEVICES
from wan_healthd.host.clock import SystemClock
from wan_healthd.host.gpu_places import GpuPlaces
from wan_healthd.host.gpu_use import GpuUse
from wan_healthd.host.nvml import has_driver

HOSTILE = b"\x1b[2J\xff\xe2\x80\xae" + b"x" * 200
VENDORS = ["nvidia", "amd"]


def busy(folder: Path, vendor: Path) -> list[list[int]]:
    """As it changes from look to look."""
    machine, use = Machine(folder), GpuUse(FakeClock(), Machine.places)
    seen = []
    for uses in (("97", "3"), ("0", "100")):
        getattr(machine, str(vendor))(*uses)
        seen.append([look.busy_percent for look in use.look()])
    return seen


def doubtful(folder: Path, vendor: Path) -> list[int]:
    machine = Machine(folder)
    getattr(machine, str(vendor))("101", "65535", "4294967295", UNSUPPORTED, "50")
    return [look.busy_percent for look in GpuUse(FakeClock(), Machine.places).look()]


def hostile(folder: Path, vendor: Path) -> list[str]:
    machine = Machine(folder)
    getattr(machine, str(vendor))(*["1"] * (MOST_DEVICES + 3))
    for index, name in enumerate((HOSTILE, b"", b"\n" + b"y" * 200)):
        machine.nvml(f"name-{index}", name)
        machine.write(f"drm/card{index}/device/product_name", name)
    return [look.name for look in GpuUse(FakeClock(), Machine.places).look()]


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_look_tells_how_busy_they_are(graphics: Path, vendor: str) -> None:
    assert in_own_process(busy, graphics, vendor) == [[97, 3], [0, 100]]


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_tells_nothing_or_nonsense_is_left_out(graphics: Path, vendor: str) -> None:
    assert in_own_process(doubtful, graphics, vendor) == [50]


@pytest.mark.parametrize("vendor", VENDORS)
def test_names_and_numbers_are_bounded(graphics: Path, vendor: str) -> None:
    names = in_own_process(hostile, graphics, vendor)
    assert len(names) == MOST_DEVICES
    assert all(name.isprintable() and 0 < len(name) <= MOST_CHARACTERS for name in names), names


@pytest.mark.gpu
def test_the_graphics_processors_of_this_machine() -> None:
    if not has_driver(GpuPlaces()):
        pytest.skip("no driver of NVIDIA's is loaded here")
    use = GpuUse(SystemClock())
    try:
        assert all(look.name and 0 <= look.busy_percent <= 100 for look in use.look())
    finally:
        use.close()
