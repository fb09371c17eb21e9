"""Both clients for programs behind one face, so that every test is a test of both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from wan_healthd.client import AsyncHealthClient, ClientError, HealthClient
from wan_healthd.client.following import OnMissed
from wan_healthd.domain.events import Event

IMPATIENT_S = 0.3
"""For tests of what never comes."""


class Blocking:
    """The client that blocks, as it is."""

    def __init__(self, path: str | Path, *, timeout_s: float = 10.0) -> None:
        self.client = HealthClient(path, timeout_s=timeout_s)

    def ask(self, verb: str, *words: Any, **named: Any) -> Any:
        return getattr(self.client, verb)(*words, **named)

    def take(
        self,
        count: int,
        *,
        since: int = 0,
        stream: str | None = None,
        on_missed: OnMissed | None = None,
        patience_s: float = 10.0,
        then: Callable[[int], object] = lambda _count: None,
        into: list[Event] | None = None,
    ) -> list[Event]:
        """So many events, also in `into` as they come; `then` is told after each how many there were, and ends it by
        saying yes."""
        taken: list[Event] = [] if into is None else into
        for event in self.client.events(since, stream=stream, on_missed=on_missed, patience_s=patience_s):
            taken.append(event)
            if then(len(taken)) or len(taken) == count:
                break
        return taken

    def stored(self) -> list[Event]:
        """All events that there are."""
        return list(self.client.events(ends=True))

    def raises(self, verb: str, *words: Any, **named: Any) -> ClientError:
        """The error that it ends in."""
        try:
            self.ask(verb, *words, **named)
        except ClientError as error:
            return error
        raise AssertionError(f"{verb} did not fail")


class Awaiting(Blocking):
    """The client for event loops, each call in a loop of its own, which must stay free meanwhile."""

    def __init__(self, path: str | Path, *, timeout_s: float = 10.0) -> None:
        self.asking = AsyncHealthClient(path, timeout_s=timeout_s)

    def ask(self, verb: str, *words: Any, **named: Any) -> Any:
        return asyncio.run(beside_a_clock(getattr(self.asking, verb)(*words, **named)))

    def take(
        self,
        count: int,
        *,
        since: int = 0,
        stream: str | None = None,
        on_missed: OnMissed | None = None,
        patience_s: float = 10.0,
        then: Callable[[int], object] = lambda _count: None,
        into: list[Event] | None = None,
    ) -> list[Event]:
        async def some() -> list[Event]:
            taken: list[Event] = [] if into is None else into
            async for event in self.asking.events(since, stream=stream, on_missed=on_missed, patience_s=patience_s):
                taken.append(event)
                if then(len(taken)) or len(taken) == count:
                    break
            return taken

        return asyncio.run(some())

    def stored(self) -> list[Event]:
        async def all_of_them() -> list[Event]:
            return [event async for event in self.asking.events(ends=True)]

        return asyncio.run(all_of_them())


async def beside_a_clock(work: Awaitable[Any]) -> Any:
    """Do the work, and see that the loop was never held up."""
    longest_s = 0.0

    async def tick() -> None:
        nonlocal longest_s
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            longest_s = max(longest_s, time.monotonic() - began)

    clock = asyncio.create_task(tick())
    try:
        return await work
    finally:
        clock.cancel()
        assert longest_s < 1.0


CLIENTS: list[Callable[..., Blocking]] = [Blocking, Awaiting]
