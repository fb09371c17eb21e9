"""What sweeps make way for, in words: the same in commands and in the log. Needs nothing else, for commands start fast."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from wan_healthd.domain.amounts import duration_text, size_text


class YieldReason(StrEnum):
    """What sweeps make way for; what is stated comes before what is guessed."""

    QUIET_HOURS = "quiet-hours"
    GENERATION = "generation"
    BUSY_GPU = "busy-gpu"
    BUSY_DISK = "busy-disk"
    BUSY_PROCESSOR = "busy-processor"


NAMES: Mapping[str, str] = {
    YieldReason.QUIET_HOURS: "quiet hours",
    YieldReason.GENERATION: "generations",
    YieldReason.BUSY_GPU: "busy GPUs",
    YieldReason.BUSY_DISK: "others who used the disk",
    YieldReason.BUSY_PROCESSOR: "others who used the processor",
}


def added_up(seconds: Mapping[str, int]) -> str:
    """One line for people on what sweeps have made way for since the daemon's start, in the order given."""
    each = ", ".join(f"{NAMES.get(reason, reason)} {duration_text(spent)}" for reason, spent in seconds.items())
    return f"since the daemon's start sweeps made way for: {each}"


def told(reason: str, what: str, rate_bytes_per_s: int, until: str | None) -> str:
    """One line for people; `until` is a time of day in words. An unknown reason, of a newer daemon, is told as it is."""
    does = f"sweeps go on slowly ({size_text(rate_bytes_per_s)}/s)" if rate_bytes_per_s else "sweeps wait"
    match reason:
        case YieldReason.QUIET_HOURS:
            return f"{does}: quiet hours" + ("" if until is None else f" until {until}")
        case YieldReason.GENERATION:
            latest = "" if until is None else f", until {until} at the latest"
            return f"{does}: a generation runs ({what}){latest}"
        case YieldReason.BUSY_GPU:
            return f"{does}: the GPU {what} is busy"
        case YieldReason.BUSY_DISK:
            return f"{does}: others use the disk"
        case YieldReason.BUSY_PROCESSOR:
            return f"{does}: others use the processor"
        case _:
            return f"{does}: {reason}"
