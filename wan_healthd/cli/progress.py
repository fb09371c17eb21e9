"""A progress bar with rate and remaining time."""

from __future__ import annotations

from collections import deque

from wan_healthd.cli.tables import columns, shorten
from wan_healthd.cli.wording import size_text
from wan_healthd.domain.amounts import duration_text

WINDOW_S = 10.0
"""The rate is that of these last seconds."""

WIDEST_BAR, NARROWEST_BAR = 30, 10
LEAST_LABEL = 12
_FRAME = ": [] "


class Pace:
    """How fast something goes, from looks at how much of it is done."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()

    def look(self, now_s: float, done_bytes: int) -> float | None:
        """Bytes a second over the last `WINDOW_S`; None until that can be said, or while nothing moves."""
        while len(self._looks) > 1 and self._looks[1][0] <= now_s - WINDOW_S:
            self._looks.popleft()
        self._looks.append((now_s, done_bytes))
        began_s, before = self._looks[0]
        gained, elapsed = done_bytes - before, now_s - began_s
        return gained / elapsed if gained > 0 and elapsed > 0 else None


def progress_line(label: str, done: int, total: int, rate: float | None, width: int) -> str:
    """One line of at most `width` columns: label, bar, share, amounts in bytes, rate, and how long it will still take.

    Where the total is not known (0), the amount and the rate. To fit, the bar shrinks and the label is cut; if that is not
    enough, amounts and rate are left out.
    """
    speed = [] if rate is None else [f"{size_text(int(rate))}/s"]
    if total <= 0:
        return shorten("  ".join([f"{label}: {size_text(done)} read", *speed]), width)
    share = min(1.0, max(0.0, done / total))
    percent, left = f"{int(share * 100):3d} %", _time_left(total - done, rate)
    facts = "  ".join([percent, f"{size_text(done)} of {size_text(total)}", *speed, *left])
    if columns(facts) + len(_FRAME) + NARROWEST_BAR + LEAST_LABEL > width:
        facts = "  ".join([percent, *left])
    spare = width - columns(facts) - len(_FRAME)
    bar = max(NARROWEST_BAR, min(WIDEST_BAR, spare - columns(label)))
    filled = int(share * bar)
    name = shorten(label, max(LEAST_LABEL, spare - bar))
    return shorten(f"{name}: [{'#' * filled}{'.' * (bar - filled)}] {facts}", width)


def _time_left(left_bytes: int, rate: float | None) -> list[str]:
    return [] if rate is None or left_bytes <= 0 else [f"{duration_text(left_bytes / rate)} left"]
