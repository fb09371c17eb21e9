"""What sweeps are ordered to do, and what they tell besides."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from wan_healthd.services.queue import Priority


class Order(Struct, frozen=True):
    """How a sweep treats what it finds.

    What somebody waits for (REQUESTED) is judged even if nothing changed, and so is what other things are said of (RETOLD);
    `full`, `since` and `patient` are as in Task; `judges` False only brings the roster of models up to date. A `thorough` one
    visits every folder, also those in which nothing changed.
    """

    priority: Priority
    full: bool = False
    patient: bool = True
    judges: bool = True
    since: datetime | None = None
    thorough: bool = False

    @property
    def takes_all(self) -> bool:
        """Whether also what did not change is enqueued."""
        return self.full or self.priority in (Priority.REQUESTED, Priority.RETOLD)

    @property
    def may_pass_by(self) -> bool:
        """Whether folders in which nothing changed need no visit."""
        return not (self.takes_all or self.thorough) and self.judges

    @property
    def hears_sources(self) -> bool:
        """Whether it looks for sources that changed, to have judged what they speak of."""
        return self.judges and not self.takes_all


class Findings(Struct):
    """What a sweep saw besides models: it grows while the sweep goes on. Of folders that it passes by, no names are told."""

    unclaimed: list[bytes]
    unclaimed_count: int = 0
