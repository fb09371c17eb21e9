"""Whether sweeps can read everything in time, within the rate and the hours that they are allowed. Pure arithmetic."""

from __future__ import annotations

from msgspec import Struct

from wan_healthd.domain.amounts import duration_text, size_text


class Budget(Struct, frozen=True):
    """What full sweeps have to read, and may.

    Args:
        total_bytes: of all models.
        every_s: within which all of it is read again.
        max_rate: bytes per second at most; None where only the disk sets a limit, which is never held against it.
        quiet_fraction: of the day that is quiet, 0 to below 1.
    """

    total_bytes: int
    every_s: float
    max_rate: int | None
    quiet_fraction: float = 0.0

    @property
    def needed_rate(self) -> float:
        """Bytes per second, while it may read, at which it ends in time."""
        return self.total_bytes / (self.every_s * (1 - self.quiet_fraction))

    @property
    def is_met(self) -> bool:
        """Whether everything can be read in time."""
        return self.max_rate is None or self.needed_rate <= self.max_rate

    @property
    def least_s(self) -> float:
        """How long a full sweep takes at the least, quiet hours included."""
        return self.total_bytes / ((self.max_rate or self.needed_rate or 1.0) * (1 - self.quiet_fraction))

    @property
    def most_bytes(self) -> int | None:
        """What can be read in time at most; None where only the disk sets a limit."""
        return None if self.max_rate is None else int(self.max_rate * self.every_s * (1 - self.quiet_fraction))


def told(budget: Budget) -> dict[str, str]:
    """The numbers in words, as `catalogue.SWEEPS_TOO_SLOW` and the alert name them."""
    quiet = f" outside of quiet hours ({budget.quiet_fraction * 24:.3g} h a day)" if budget.quiet_fraction else ""
    return {
        "total": size_text(budget.total_bytes),
        "goal": duration_text(budget.every_s),
        "needed": size_text(int(budget.needed_rate)) + "/s",
        "allowed": size_text(budget.max_rate or 0) + "/s",
        "quiet": quiet,
        "least": duration_text(budget.least_s),
    }
