"""Graphics processors whose kernel driver tells in a plain file how busy they are: AMD's.

Intel's drivers have no such file: they tell by perf events, which takes a privilege that the daemon does not have.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from wan_healthd.domain.gpus import MOST_DEVICES, GpuReading, reading
from wan_healthd.host.gpu_places import GpuPlaces, first_line

BUSY = "gpu_busy_percent"
"""How busy amdgpu's graphics core is, in percent (Documentation/gpu/amdgpu/thermal.rst)."""


def read(places: GpuPlaces) -> tuple[GpuReading, ...]:
    """How busy each card is that has such a file. One that sleeps is not woken: it computes nothing."""
    return tuple(_read(card, os.path.join(places.cards, card, "device")) for card in _cards(places.cards))


def _cards(folder: str) -> Iterator[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return
    whole = sorted(name for name in names if name.startswith("card") and name[4:].isdecimal())  # not card0-HDMI-A-1
    yield from (name for name in whole[:MOST_DEVICES] if os.path.exists(os.path.join(folder, name, "device", BUSY)))


def _read(card: str, device: str) -> GpuReading:
    name = first_line(os.path.join(device, "product_name")) or f"AMD GPU {card}"
    if first_line(os.path.join(device, "power", "runtime_status")) == "suspended":
        return reading(name, 0)
    told = first_line(os.path.join(device, BUSY))
    return reading(name, int(told) if told.isdecimal() else None)
