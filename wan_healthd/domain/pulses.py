"""Whether the daemon lives: one pulse for each loop that does its work, and what they amount to."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Pulse(Struct, frozen=True):
    """One loop that does work.

    Args:
        name: as people read it: "the state's writer".
        silent_s: how long it has not got on although it had work; 0 where it idles.
        limit_s: beyond that it hangs.
        is_vital: whether nothing but a new start of the daemon helps; else somebody sees to it already.
        fault: what of it can never be so, and is; None where all is as it must be.
    """

    name: str
    silent_s: float
    limit_s: float
    is_vital: bool = True
    fault: str | None = None

    @property
    def hangs(self) -> bool:
        """Whether it is silent for too long."""
        return self.silent_s > self.limit_s


class Signs(Struct, frozen=True):
    """What the pulses amount to.

    Args:
        stuck: those that hang and that only a new start helps.
        broken: those with a fault: waiting longer makes no sense.
    """

    stuck: tuple[Pulse, ...] = ()
    broken: tuple[Pulse, ...] = ()

    @property
    def is_alive(self) -> bool:
        """Whether the service manager may be told so."""
        return not (self.stuck or self.broken)

    def __str__(self) -> str:
        """What is wrong, as people read it; empty where nothing is."""
        faults = [f"{pulse.name}: {pulse.fault}" for pulse in self.broken]
        return "; ".join([*faults, *(f"{pulse.name} has not got on for {pulse.silent_s:.0f} s" for pulse in self.stuck)])


def signs(pulses: Iterable[Pulse]) -> Signs:
    """What the pulses amount to."""
    every = tuple(pulses)
    broken = tuple(pulse for pulse in every if pulse.fault is not None)
    return Signs(tuple(pulse for pulse in every if pulse.is_vital and pulse.hangs and pulse not in broken), broken)
