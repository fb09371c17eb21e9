"""Long waits of the sweeps: the log tells when one has become long, and when it is over. See `domain.long_wait`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from wan_healthd.domain.amounts import duration_text
from wan_healthd.domain.long_wait import LONG_S, News, Wait, observe
from wan_healthd.domain.making_way import YieldReason, told
from wan_healthd.domain.politeness import MadeWay, Yielding
from wan_healthd.domain.ports import Clock


class LongWaits:
    """Hears what sweeps make way for, each time that is looked at.

    Args:
        is_due: whether a sweep is under way, or would be.
        tell: writes an ordinary line to the log.
    """

    def __init__(self, clock: Clock, is_due: Callable[[], bool], tell: Callable[[str], None]) -> None:
        self._clock = clock
        self._is_due = is_due
        self._tell = tell
        self._wait: Wait | None = None
        self._spent_s: Counter[YieldReason] = Counter()
        self._heard: tuple[float, YieldReason | None] = (clock.monotonic(), None)

    @property
    def made_way(self) -> tuple[MadeWay, ...]:
        """For how long sweeps that were due have made way since the start: by reason, the longest first."""
        return tuple(MadeWay(reason, int(spent_s)) for reason, spent_s in self._spent_s.most_common())

    @property
    def is_told(self) -> bool:
        """Whether there is an end to be told."""
        return self._wait is not None and self._wait.is_told

    def heard(self, yielding: Yielding | None) -> None:
        """What it is now."""
        before, now_s = self._wait, self._clock.monotonic()
        is_waiting = yielding is not None and self._is_due()
        self._add_up(None if yielding is None or not is_waiting else yielding.reason, now_s)
        self._wait, news = observe(before, is_waiting=is_waiting, now_s=now_s)
        if news is News.LONG and yielding is not None:
            self._tell(f"sweeps have made way for {duration_text(LONG_S)}; {words(yielding)}")
        elif news is News.OVER and before is not None:
            self._tell(f"sweeps go on, after they made way for {duration_text(before.length_s)}")

    def _add_up(self, reason: YieldReason | None, now_s: float) -> None:
        (heard_at_s, before), self._heard = self._heard, (now_s, reason)
        if before is not None:
            self._spent_s[before] += now_s - heard_at_s  # type: ignore[assignment] # typeshed knows whole numbers only


def words(yielding: Yielding) -> str:
    """One line for the log, with the time of day by the clock on the wall."""
    until = None if yielding.until is None else f"{yielding.until.astimezone():%H:%M}"
    return told(yielding.reason, yielding.what, yielding.rate_bytes_per_s, until)
