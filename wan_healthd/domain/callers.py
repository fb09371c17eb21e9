"""Who asks."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class CallerRole(StrEnum):
    """What a caller of the control API may do."""

    READER = "reader"
    ACTOR = "actor"


class Caller(Struct, frozen=True):
    """The peer of a control connection, by the kernel's word; `pid` is for the log only."""

    uid: int
    pid: int
    role: CallerRole
