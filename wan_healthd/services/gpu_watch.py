"""Watching graphics processors: whether somebody generates, by looks that a sick driver cannot make last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar

from wan_healthd.domain.busy_gpu import GpuSeen, observe
from wan_healthd.domain.occupation import GpuLook
from wan_healthd.domain.ports import Clock, Threads
from wan_healthd.services.deadline import Deadline, Unanswered

T = TypeVar("T")
Complain: TypeAlias = Callable[[str, BaseException | None], None]

LOOK_S = 1.0
"""Between two looks: the drivers' own figures are of the last second or so."""

REST_S = 10.0
"""For how long nobody may have wanted to know before the drivers may rest."""

LIMIT_S = 5.0
"""How long one look may take: a device that is woken up needs a second or two."""

UNKNOWN = "it is not known whether a graphics processor is busy, and sweeps go on as if none were: "


class Gpus(Protocol):
    """The graphics processors of this machine. Both calls may block for ever, and may be made from any thread."""

    def look(self) -> tuple[GpuLook, ...]:
        """How busy each is that tells."""

    def close(self) -> None:
        """Let go of the drivers until the next look."""


class GpuWatch:
    """Looks when asked; what a driver does not tell in time is not known, which is said once.

    Args:
        complain: told of that.
    """

    def __init__(self, gpus: Gpus, threads: Threads, clock: Clock, complain: Complain) -> None:
        self._gpus = gpus
        self._threads = Deadline(threads, LIMIT_S)
        self._clock = clock
        self._complain = complain
        self._seen = GpuSeen()
        self._hanging: asyncio.Future[Any] | None = None
        self._has_complained = False
        self._is_awake = False

    @property
    def is_awake(self) -> bool:
        """Whether drivers were asked since the last rest."""
        return self._is_awake

    @property
    def busy(self) -> str | None:
        """The name of the one that generates; None where none does, as far as is known."""
        return self._seen.name if self._seen.is_busy else None

    async def look(self) -> None:
        """One look; none while the last one hangs."""
        self._is_awake = True
        looks = await self._bounded(self._gpus.look)
        self._seen = observe(self._seen, self._clock.monotonic(), looks or ())

    async def rest(self) -> None:
        """Nobody wants to know any more: let the drivers rest, and forget."""
        self._seen, self._is_awake = GpuSeen(), False
        await self._bounded(self._gpus.close)

    async def _bounded(self, call: Callable[[], T]) -> T | None:
        """What it returns; None where it did not, and the boundary that isolates other people's drivers."""
        if self._hanging is not None and not self._hanging.done():
            return None
        self._hanging = None
        try:
            return await self._threads.run(call)
        except Unanswered as silence:
            self._hanging = silence.pending
            self._say(f"{UNKNOWN}its driver did not answer within {LIMIT_S:g} s", None)
        except Exception as error:
            self._say(f"{UNKNOWN}its driver cannot be asked", error)
        return None

    def _say(self, what: str, error: BaseException | None) -> None:
        if not self._has_complained:
            self._has_complained = True
            self._complain(what, error)
