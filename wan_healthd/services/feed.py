"""Who listens: callbacks for results, and clients that wait for the next event."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Generic, TypeVar

from wan_healthd.domain.ports import Clock, Threads
from wan_healthd.domain.verdicts import CorruptionReport, IntegrityResult

T = TypeVar("T")
Callback = Callable[[T], Awaitable[None] | None]
Complain = Callable[[str, BaseException], None]

PATIENCE_S = 30.0
"""How long deliveries wait for an async callback. One without a loop of its own is ended then, others are left to theirs."""

MOST_RESULTS = 1000
"""Results that may wait for slow callbacks; beyond it the oldest are dropped."""

DELIVERY_S = 5.0
"""How long somebody who asked for a check waits for the callbacks before they get their answer."""

_in_callback: ContextVar[bool] = ContextVar("in_callback", default=False)
"""A callback may ask for a check itself; then nobody must wait for the callback to end."""


class _Listener(Generic[T]):
    """A callback, and the loop that it was registered from, where it may touch what lives there."""

    def __init__(self, callback: Callback[T], loop: asyncio.AbstractEventLoop | None) -> None:
        self.callback = callback
        self.loop = loop

    async def call(self, value: T, threads: Threads) -> None:
        """Call it where it belongs: in its own loop if that still runs, else beside ours."""
        loop = self.loop
        if loop is not None and loop.is_running() and loop is not asyncio.get_running_loop():
            await _patiently(asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_invoke(self.callback, value), loop)))
        elif loop is not None and loop.is_running():
            await _patiently(asyncio.ensure_future(_invoke(self.callback, value)))
        else:
            answer = await threads.run(lambda: _call(self.callback, value))
            if inspect.isawaitable(answer):
                await asyncio.wait_for(_await(answer), PATIENCE_S)


async def _patiently(callback: asyncio.Future[None]) -> None:
    """Wait for the callback, but not for ever, and do not die with it: its loop may end under it.

    Raises:
        TimeoutError: it takes too long.
        RuntimeError: it was cancelled, as happens to tasks of a loop that ends.
    """
    done, _ = await asyncio.wait([callback], timeout=PATIENCE_S)
    if not done:
        raise TimeoutError(f"it did not end within {PATIENCE_S:.0f} s")
    if callback.cancelled():
        raise RuntimeError("it was cancelled, with its event loop perhaps")
    callback.result()


def _call(callback: Callable[[Any], Any], value: object) -> Any:
    token = _in_callback.set(True)
    try:
        return callback(value)
    finally:
        _in_callback.reset(token)


async def _invoke(callback: Callable[[Any], Any], value: object) -> None:
    token = _in_callback.set(True)
    try:
        answer = callback(value)
        if inspect.isawaitable(answer):
            await answer
    finally:
        _in_callback.reset(token)


async def _await(answer: Awaitable[None]) -> None:
    token = _in_callback.set(True)
    try:
        await answer
    finally:
        _in_callback.reset(token)


class Feed:
    """Delivers results in order; a callback that raises harms nobody else.

    Args:
        complain: told of callbacks that raise.
    """

    def __init__(
        self,
        clock: Clock,
        threads: Threads,
        make_report: Callable[[IntegrityResult, datetime], CorruptionReport],
        complain: Complain,
    ) -> None:
        self._clock = clock
        self._threads = threads
        self._make_report = make_report
        self._complain = complain
        self._health: list[_Listener[IntegrityResult]] = []
        self._corruption: list[_Listener[CorruptionReport]] = []
        self._results: asyncio.Queue[IntegrityResult] = asyncio.Queue(MOST_RESULTS)
        self._news = asyncio.Event()
        self.stirs = 0
        """How often there was news."""

    def add_health(self, callback: Callback[IntegrityResult], loop: asyncio.AbstractEventLoop | None) -> None:
        """Call `callback` with every finished result, in `loop` while that runs."""
        self._health.append(_Listener(callback, loop))

    def add_corruption(self, callback: Callback[CorruptionReport], loop: asyncio.AbstractEventLoop | None) -> None:
        """Call `callback` with every report, clean ones too, in `loop` while that runs."""
        self._corruption.append(_Listener(callback, loop))

    def result(self, result: IntegrityResult) -> None:
        """A check finished."""
        if not (self._health or self._corruption):
            return
        if self._results.full():
            dropped = self._results.get_nowait()
            self._results.task_done()
            self._complain("(all)", OverflowError(f"they are too slow: a result of {dropped.model_id} was dropped"))
        self._results.put_nowait(result)

    def stirred(self) -> None:
        """There may be new events."""
        self.stirs += 1
        self._news.set()
        self._news = asyncio.Event()

    async def next_news(self, timeout_s: float, *, since: int | None = None) -> None:
        """Return when there may be new events, or after `timeout_s`; at once if there was news `since` so many `stirs`."""
        if since is not None and since != self.stirs:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), timeout_s)

    async def delivered(self) -> None:
        """Until every result so far was delivered, but not for ever, and not from within a callback."""
        if not _in_callback.get():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._results.join(), DELIVERY_S)

    async def run(self) -> None:
        """Deliver, until cancelled."""
        while True:
            result = await self._results.get()
            try:
                for health in self._health:
                    await self._deliver(health, result)
                report = self._make_report(result, self._clock.now())
                for corruption in self._corruption:
                    await self._deliver(corruption, report)
            finally:
                self._results.task_done()

    async def _deliver(self, listener: _Listener[T], value: T) -> None:
        try:
            await listener.call(value, self._threads)
        except Exception as error:  # the boundary around other people's code: one callback must not stop the next
            self._complain(getattr(listener.callback, "__qualname__", repr(listener.callback)), error)
