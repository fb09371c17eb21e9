"""Exposure: how long ago the stalest byte of a model was verified from the disk, against a goal (requirement X8)."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct


class Exposure(Struct, frozen=True):
    """`verified_at`: when the stalest byte was verified from the disk; None if one never was since `appeared_at`."""

    model_id: str
    appeared_at: datetime
    verified_at: datetime | None


def is_missed(exposure: Exposure, goal: timedelta, now: datetime) -> bool:
    """Whether a byte of the model is older than the goal allows; a time in the future, after a clock jump, proves nothing."""
    since = exposure.verified_at or exposure.appeared_at
    return now - since > goal


def told(exposure: Exposure, goal: timedelta) -> str:
    """One line that stays the same as long as nothing is verified, so that it is news once."""
    days = goal / timedelta(days=1)
    if exposure.verified_at is None:
        since = f"was never verified from the disk since it appeared on {exposure.appeared_at:%Y-%m-%d}"
    else:
        since = f"was last verified from the disk on {exposure.verified_at:%Y-%m-%d %H:%M} UTC"
    return f"part of it {since}; {_goal(days)}"


def _goal(days: float) -> str:
    return f"the goal is every {days:g} days (`healthctl sweep` shows what holds sweeps up)"
