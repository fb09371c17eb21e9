"""How full file systems are, and what that amounts to."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class DiskUsage(Struct, frozen=True):
    """A file system as df(1) counts it: root's reserve is neither used nor available. Bytes; `device` tells it from others."""

    device: int
    used_bytes: int
    available_bytes: int

    @property
    def fraction(self) -> float:
        """Share in use, 0..1."""
        usable = self.used_bytes + self.available_bytes
        return self.used_bytes / usable if usable else 0.0


class StorageLevel(StrEnum):
    """What a share in use amounts to."""

    FINE = "fine"
    LOW = "low"
    CRITICAL = "critical"


RELIEF = 0.01
"""A level ends only when the share is this much below its threshold, or one more file would tell it twice a day."""


def level_of(fraction: float, *, warning: float, critical: float, before: StorageLevel) -> StorageLevel:
    """The level of a file system that was at `before`."""
    if fraction >= critical or (before is StorageLevel.CRITICAL and fraction >= critical - RELIEF):
        return StorageLevel.CRITICAL
    if fraction >= warning or (before is not StorageLevel.FINE and fraction >= warning - RELIEF):
        return StorageLevel.LOW
    return StorageLevel.FINE
