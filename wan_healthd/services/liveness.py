"""Taking the pulse of the loops that do the work: how long each has not got on although it had something to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.domain.ports import Clock
from wan_healthd.domain.pulses import Pulse
from wan_healthd.services.crew import Crew

LONGEST_STEP_S = 15.0
"""Most that may count between two looks. Where more passed, it was we who stood still (a suspended machine, SIGSTOP, a busy
event loop), and nobody could get on."""


class Loop(Struct, frozen=True):
    """A loop that is watched.

    Args:
        mark: what differs from before once it got on; None while it has nothing to do. Quick, and called in the event loop.
        name, limit_s, is_vital: see `Pulse`.
        fault: see `Pulse`.
    """

    name: str
    limit_s: float
    mark: Callable[[], object | None]
    is_vital: bool = True
    fault: Callable[[], str | None] = lambda: None


class RoundTrip:
    """A mark: counts round trips through a thread; one at a time, begun by whoever looks. A refusal is an answer, too."""

    def __init__(self, call: Callable[[], Awaitable[object]], crew: Crew) -> None:
        self._call = call
        self._crew = crew
        self._is_under_way = False
        self._done = 0

    def __call__(self) -> int:
        """How many were made so far; sees to it that one is under way."""
        if not self._is_under_way:
            self._is_under_way = True
            self._crew.start(self._go())
        return self._done

    async def _go(self) -> None:
        try:
            await self._call()
        except StoreUnusable:
            pass
        finally:
            self._is_under_way = False
            self._done += 1


class Liveness:
    """Looks at the loops, and remembers since when each has not got on."""

    def __init__(self, loops: Sequence[Loop], clock: Clock) -> None:
        self._loops = tuple(loops)
        self._clock = clock
        self._looked_at = clock.monotonic()
        self._awake_s = 0.0
        self._seen: dict[str, tuple[object | None, float]] = {}

    def look(self) -> tuple[Pulse, ...]:
        """The pulse of every loop now. How often is the caller's business; a step beyond LONGEST_STEP_S counts less."""
        now = self._clock.monotonic()
        self._awake_s += min(now - self._looked_at, LONGEST_STEP_S)
        self._looked_at = now
        return tuple(self._pulse(loop) for loop in self._loops)

    def _pulse(self, loop: Loop) -> Pulse:
        mark = loop.mark()
        before, since = self._seen.get(loop.name, (None, self._awake_s))
        if mark is None or mark != before:
            since = self._awake_s
        self._seen[loop.name] = mark, since
        return Pulse(loop.name, round(self._awake_s - since, 1), loop.limit_s, loop.is_vital, loop.fault())
