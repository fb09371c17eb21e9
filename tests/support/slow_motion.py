"""The digest worker in slow motion, so that a read can be caught at any point, however fast the disk is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import psutil

from tests.support.control import PATIENCE_S, Control, Document, Unexpected

SLICE_S = 0.004
"""How long the worker runs at a time."""


class Asked(Protocol):
    """A daemon, wherever it runs."""

    control: Control


def slow_down_until(daemon: Asked, worker: psutil.Process, reached: Callable[[Document], bool]) -> Document:
    """Lets a stopped worker run in short slices until the daemon's activity is as wanted; it is left stopped.

    Returns the activity (see `ActivityRow`) at that point.
    """
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        activity: Document = daemon.control.status()["activity"]
        if reached(activity):
            return activity
        worker.resume()
        time.sleep(SLICE_S)
        worker.suspend()
    raise Unexpected(f"the read was never caught; the activity is {activity}")


def is_reading(path: Path) -> Callable[[Document], bool]:
    return lambda activity: str(path) in activity["reading"]
