"""Where a machine tells of its graphics processors."""

from __future__ import annotations

from msgspec import Struct

MOST_BYTES = 80


class GpuPlaces(Struct, frozen=True):
    """Paths, and patterns of paths.

    Args:
        nvidia_signs: one of them exists where NVIDIA's driver is loaded.
        nvidia_nodes: patterns of the device nodes that NVML opens.
        nvidia_power: pattern of what tells of each device of that driver whether it is "suspended"
            (Documentation/ABI/testing/sysfs-devices-power).
        cards: the kernel's graphics cards.
        pci: the devices on the PCI bus.
    """

    nvidia_signs: tuple[str, ...] = ("/dev/nvidiactl", "/proc/driver/nvidia/version")
    nvidia_nodes: tuple[str, ...] = ("/dev/nvidiactl", "/dev/nvidia[0-9]*")
    nvidia_power: str = "/sys/bus/pci/drivers/nvidia/*/power/runtime_status"
    cards: str = "/sys/class/drm"
    pci: str = "/sys/bus/pci/devices"


def first_line(path: str) -> str:
    """The first line of a small file of the kernel's; "" where there is none, or it refuses."""
    try:
        with open(path, "rb") as file:
            return file.readline(MOST_BYTES).decode("utf-8", "replace").strip()
    except OSError:
        return ""
