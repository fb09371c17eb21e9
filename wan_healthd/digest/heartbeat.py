"""Pings to a worker: whether it lives, and which of its jobs wait for a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wan_healthd.digest.protocol import Pong, ProtocolViolation

STOPPED = "it was stopped (SIGSTOP)"


class Heartbeat:
    """Asks again and again. A worker that answers none of many pings hangs; one that reads a slow disk answers all of them.

    What counts is pings, not seconds: while the machine slept, or our own event loop stood still, none was due.

    Args:
        every_s: between two pings.
        most_missed: pings in a row without an answer, after which the worker counts as hung.
        ping: sends the ping of this number.
        is_stopped: whether a signal has stopped the process; asked only where a ping was not answered.
        lose: told why the worker must be ended.
    """

    def __init__(
        self,
        *,
        every_s: float,
        most_missed: int,
        ping: Callable[[int], None],
        is_stopped: Callable[[], bool],
        lose: Callable[[str], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._every_s = every_s
        self._most_missed = most_missed
        self._ping = ping
        self._is_stopped = is_stopped
        self._lose = lose
        self._sent = 0
        self._missed = 0
        self._waiting: frozenset[int] = frozenset()
        self._next: asyncio.TimerHandle | None = None
        self._news = asyncio.Event()
        self.answered = 0

    def begin(self) -> None:
        """Ping from now on, until `end`."""
        self._send()
        self._next = self._loop.call_later(self._every_s, self._beat)

    def end(self) -> None:
        """No more pings."""
        if self._next is not None:
            self._next.cancel()

    def take(self, pong: Pong) -> None:
        """Take an answer.

        Raises:
            ProtocolViolation: nobody asked.
        """
        if not self.answered < pong.number <= self._sent:
            raise ProtocolViolation(f"nobody sent ping {pong.number}")
        self.answered, self._missed, self._waiting = pong.number, 0, frozenset(pong.waiting)
        self._news.set()
        self._news = asyncio.Event()

    async def at_storage(self) -> frozenset[int] | None:
        """The jobs that wait for their storage now; None if the worker does not answer before the next ping."""
        wanted = self._send()
        try:
            async with asyncio.timeout(self._every_s):
                while self.answered < wanted:
                    await self._news.wait()
        except TimeoutError:
            return None
        return self._waiting

    def _beat(self) -> None:
        if self.answered < self._sent:
            self._missed += 1
        if self._missed and self._is_stopped():
            self._lose(STOPPED)
        elif self._missed >= self._most_missed:
            self._lose(f"it did not answer for {self._missed * self._every_s:g} s")
        else:
            self._send()
            self._next = self._loop.call_later(self._every_s, self._beat)

    def _send(self) -> int:
        self._sent += 1
        self._ping(self._sent)
        return self._sent
