"""What a facade may ask of the process that it lives in: only a daemon can do these things."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class LogLevel(StrEnum):
    """From which level on the daemon's own lines are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class ProcessControl(Protocol):
    """The daemon's own switches."""

    def set_log_level(self, level: LogLevel) -> None:
        """From now on, until told otherwise or started anew."""

    async def reload(self) -> None:
        """Read the configuration, and put it in force soon after.

        Raises:
            ConfigInvalid: it has errors; the old one stays in force.
        """
