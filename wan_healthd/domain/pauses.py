"""A pause of the sweeps that somebody asked for."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Pause(Struct, frozen=True):
    """Since when, by whom (uid), and why; `reason` may be empty."""

    since: datetime
    by_uid: int
    reason: str = ""
