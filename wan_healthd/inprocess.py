"""A house in a thread of its own, for programs that use the facade without a daemon: any event loop may ask."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from wan_healthd.assembly import House
from wan_healthd.blueprint import Blueprint
from wan_healthd.domain.errors import HealthdError
from wan_healthd.host.threads import spawn
from wan_healthd.opening import open_house

T = TypeVar("T")


class HouseThread:
    """A house in a thread of its own, opened at the first call; or one that already runs in the present event loop."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        self._guard = threading.Lock()
        self._opened: concurrent.futures.Future[House] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[Callable[[House], None]] = []

    @classmethod
    def hosting(cls, house: House) -> HouseThread:
        """For a house that runs in the present event loop."""
        home = cls(house.blueprint)
        home._loop = asyncio.get_running_loop()
        home._opened = concurrent.futures.Future()
        home._opened.set_result(house)
        return home

    def when_open(self, act: Callable[[House, asyncio.AbstractEventLoop | None], None]) -> None:
        """Act on the house once it is open, telling it the caller's event loop; does not open it."""
        caller = running_loop()
        with self._guard:
            opened = self._opened
            if opened is None or _has_failed(opened):
                self._waiting.append(lambda house: act(house, caller))
                return
        opened.add_done_callback(lambda done: self._act_or_wait(done, lambda house: act(house, caller)))

    async def do(self, verb: Callable[[House], Coroutine[Any, Any, T]]) -> T:
        """Run `verb` in the house's event loop.

        Raises:
            StoreUnusable: the state cannot be used; the next call tries again.
            HealthdError: the house ended by a fault of ours. A new one would begin with new baselines, so none is made.
        """
        house = await asyncio.wrap_future(self._open())
        if self._loop is not None and self._loop.is_closed():
            raise HealthdError("cannot go on: the monitor's own thread ended", "make a new ModelHealthMonitor, and report this")
        if self._loop is None or self._loop is asyncio.get_running_loop():
            return await verb(house)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(verb(house), self._loop))

    def _open(self) -> concurrent.futures.Future[House]:
        with self._guard:
            if self._opened is None or _has_failed(self._opened):
                opened: concurrent.futures.Future[House] = concurrent.futures.Future()
                self._opened = opened
                spawn("wan-healthd", lambda: asyncio.run(self._live(opened)))
            return self._opened

    def _act_or_wait(self, done: concurrent.futures.Future[House], act: Callable[[House], None]) -> None:
        """A house that could not be opened is opened by a later call: then it is acted on."""
        if _has_failed(done):
            self._waiting.append(act)
        else:
            act(done.result())

    async def _live(self, opened: concurrent.futures.Future[House]) -> None:
        """The life of the thread: until the process ends."""
        try:
            async with open_house(self._blueprint) as house:
                self._loop = asyncio.get_running_loop()
                for act in self._waiting:
                    act(house)
                opened.set_result(house)
                await asyncio.Event().wait()
        except Exception as error:  # the boundary of the thread: whoever waits for the house must hear of it
            if not opened.done():
                opened.set_exception(error)
            else:
                raise


def _has_failed(opened: concurrent.futures.Future[House]) -> bool:
    return opened.done() and opened.exception() is not None


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of the caller, if there is one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
