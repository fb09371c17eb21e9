"""Whether somebody generates, as far as the use of graphics processors tells. Pure arithmetic.

A sampler keeps one at 90 to 100 %, also where layers are moved in and out of its memory (40 to 100 %). Between samplers come
text encoders and the decoder of pictures (full, but for seconds only), models that are loaded and videos that are written (0 %
for up to half a minute; the disk is busy then, which is looked at too). A desktop or a video that plays needs 5 to 40 %.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from wan_healthd.domain.occupation import GpuLook

BUSY_PERCENT = 50
"""More than what is drawn on a screen, less than the least of a sampler."""

BUSY_LOOKS = 2
WINDOW_S = 4.0
"""So many looks within so long must find it: a page that scrolls is over sooner."""

LULL_S = 30.0
"""How long no look may find it before it is over: half a minute of loading or writing is not the end of a generation, and
sweeps neither stop nor begin more often than this."""


class GpuSeen(Struct, frozen=True):
    """What is remembered from one look to the next.

    Attributes:
        busy_at_s: when the last BUSY_LOOKS looks were that found one busy.
        is_busy: that was enough, and is not over.
        name: of the one that was.
    """

    busy_at_s: tuple[float, ...] = ()
    is_busy: bool = False
    name: str = ""


def observe(before: GpuSeen, at_s: float, looks: Sequence[GpuLook]) -> GpuSeen:
    """Take one more look at all of them, at a monotonic time in seconds; none at all is like all at rest."""
    busiest = max(looks, key=lambda look: look.busy_percent, default=None)
    times = tuple(time_s for time_s in before.busy_at_s[-BUSY_LOOKS:] if 0 <= at_s - time_s < LULL_S)
    if busiest is not None and busiest.busy_percent >= BUSY_PERCENT:
        times = (*times, at_s)[-BUSY_LOOKS:]
        is_lasting = len(times) == BUSY_LOOKS and at_s - times[0] <= WINDOW_S
        return GpuSeen(times, before.is_busy or is_lasting, busiest.name)
    return GpuSeen(times, before.is_busy and bool(times), before.name)
