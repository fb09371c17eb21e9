"""One answer for all who ask at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from wan_healthd.services.crew import Crew

T = TypeVar("T")


class Shared(Generic[T]):
    """What many ask for at once is made once; nobody gets an answer that was begun before he asked.

    Whoever asks while an answer is being made shares the next one with all others who do, so that at most one is being made,
    however many ask. Who stops waiting stops nobody else.

    Args:
        make: makes an answer. What it raises is raised to all who share it; it must never end in a cancellation of its own.
        crew: owns the making.
    """

    def __init__(self, make: Callable[[], Awaitable[T]], crew: Crew) -> None:
        self._make = make
        self._crew = crew
        self._waiting: list[asyncio.Future[T]] = []
        self._is_making = False

    async def get(self) -> T:
        """The answer as of now or later."""
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        if not self._is_making:
            self._is_making = True
            self._crew.start(self._answer_all())
        return await waiter

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                sharing, self._waiting = self._waiting, []
                try:
                    await self._answer(sharing)
                finally:
                    _cancel(sharing)
        finally:
            self._is_making = False
            _cancel(self._waiting)

    async def _answer(self, sharing: list[asyncio.Future[T]]) -> None:
        try:
            answer = await self._make()
        except Exception as error:  # it belongs to those who asked
            for waiter in _patient(sharing):
                waiter.set_exception(error)
        else:
            for waiter in _patient(sharing):
                waiter.set_result(answer)


def _patient(waiters: list[asyncio.Future[T]]) -> list[asyncio.Future[T]]:
    return [waiter for waiter in waiters if not waiter.done()]


def _cancel(waiters: list[asyncio.Future[T]]) -> None:
    """Nobody will answer these; those that were answered are left as they are."""
    for waiter in waiters:
        waiter.cancel()
