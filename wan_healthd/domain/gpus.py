"""Graphics processors: what they tell of themselves, and why some cannot be asked."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from wan_healthd.domain.paths import printable

MOST_DEVICES = 64
"""That are asked; the largest machines have 16."""

MOST_CHARACTERS = 80
WHOLE = 100


class GpuReading(Struct, frozen=True):
    """One graphics processor, and how busy it is, 0 to 100; None: it does not tell."""

    name: str
    busy_percent: int | None


class GpuRefusal(StrEnum):
    """Why those of NVIDIA's that are there cannot be asked."""

    NO_DRIVER = "no-driver"
    NO_NODES = "no-nodes"
    """The driver is loaded, but has no device nodes in /dev."""
    CLOSED = "closed"
    """A device node may not be opened although its mode permits it: the service's device policy forbids it."""
    NO_PERMISSION = "no-permission"
    """Its mode forbids it."""
    NO_MODULE = "no-module"
    NO_LIBRARY = "no-library"
    MISMATCH = "mismatch"
    """The library is of another version than the driver that is loaded."""
    HANGS = "hangs"
    """A call into the driver does not come back."""
    OTHER = "other"


class GpuFacts(Struct, frozen=True):
    """The graphics processors of this machine.

    Args:
        nvidia, amd: those that could be asked.
        driver: NVIDIA's version; None where it is not told.
        refusal: why NVIDIA's cannot be asked; None where they can, or there are none.
        words: what more there is to say to that; "" for nothing.
        is_asleep: NVIDIA's are powered down, and were not woken.
        on_bus: the vendor of each that is on the PCI bus, whether it can be asked or not.
    """

    nvidia: tuple[GpuReading, ...] = ()
    amd: tuple[GpuReading, ...] = ()
    driver: str | None = None
    refusal: GpuRefusal | None = None
    words: str = ""
    is_asleep: bool = False
    on_bus: tuple[str, ...] = ()


def reading(name: str, percent: int | None) -> GpuReading:
    """What a driver told. A share that cannot be one counts as not told: some firmware of AMD's says 65535 for "unknown"."""
    return GpuReading(tame(name), percent if percent is not None and 0 <= percent <= WHOLE else None)


def tame(text: str) -> str:
    """What a driver said, as a part of a line of text."""
    return printable(text.strip())[:MOST_CHARACTERS]
