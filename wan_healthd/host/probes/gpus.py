"""Graphics processors: which there are, how busy, and what is in the way of asking them."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator

from msgspec.structs import replace

from wan_healthd.domain.gpus import MOST_DEVICES, GpuFacts, GpuRefusal
from wan_healthd.host import drm
from wan_healthd.host.gpu_places import GpuPlaces, first_line
from wan_healthd.host.gpu_use import GpuUse
from wan_healthd.host.nvml import NvmlRefused, has_driver
from wan_healthd.host.probes.roots import group_name, user_name

NVIDIA = "NVIDIA"
VENDORS = {"0x10de": NVIDIA, "0x1002": "AMD", "0x8086": "Intel"}
DISPLAY_CLASS = "0x03"
"""The first byte of a PCI class: display controllers, those without a socket for a screen among them."""
MOST_PCI_DEVICES = 4096
FOR_EVERYBODY = stat.S_IROTH | stat.S_IWOTH


def examine(use: GpuUse) -> GpuFacts:
    """As sweeps see them, and what is on the bus beside."""
    places = use.places
    on_bus = tuple(_on_bus(places))
    if not has_driver(places):
        refusal = GpuRefusal.NO_DRIVER if NVIDIA in on_bus else None
        return GpuFacts(amd=drm.read(places), refusal=refusal, on_bus=on_bus)
    try:
        _try_nodes(places)
    except NvmlRefused as refused:
        return GpuFacts(amd=drm.read(places), refusal=refused.refusal, words=str(refused), on_bus=on_bus)
    return replace(use.examine(), on_bus=on_bus)


def _on_bus(places: GpuPlaces) -> Iterator[str]:
    """The vendor of each graphics processor on the PCI bus."""
    try:
        names = os.listdir(places.pci)
    except OSError:
        return
    for name in sorted(names)[:MOST_PCI_DEVICES]:
        device = os.path.join(places.pci, name)
        vendor = VENDORS.get(first_line(os.path.join(device, "vendor")))
        if vendor is not None and first_line(os.path.join(device, "class")).startswith(DISPLAY_CLASS):
            yield vendor


def _try_nodes(places: GpuPlaces) -> None:
    """Raises NvmlRefused where there are none, or we may not open one."""
    nodes = sorted(node for pattern in places.nvidia_nodes for node in glob.iglob(pattern))
    if not nodes:
        raise NvmlRefused(GpuRefusal.NO_NODES, "")
    for node in nodes[:MOST_DEVICES]:
        if os.access(node, os.R_OK | os.W_OK, effective_ids=True):
            continue
        facts = os.stat(node)
        if facts.st_mode & FOR_EVERYBODY == FOR_EVERYBODY:
            raise NvmlRefused(GpuRefusal.CLOSED, node)
        owner = f"{user_name(facts.st_uid)}:{group_name(facts.st_gid)}"
        raise NvmlRefused(GpuRefusal.NO_PERMISSION, f"{node} of {owner} has the mode {stat.S_IMODE(facts.st_mode):04o}")
