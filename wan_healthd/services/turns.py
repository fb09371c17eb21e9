"""Taking turns: several paths may lead to the same bytes, which must be read by one lane at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from wan_healthd.domain.identity import FileIdentity


class Turns:
    """One turn at a time for each identity. Two first reads of one content would mix their block maps."""

    def __init__(self) -> None:
        self._taken: dict[FileIdentity, asyncio.Event] = {}

    @contextlib.asynccontextmanager
    async def of(self, identity: FileIdentity) -> AsyncIterator[None]:
        """Wait for the turn, and have it as long as the block lasts."""
        while (taken := self._taken.get(identity)) is not None:
            await taken.wait()
        mine = self._taken[identity] = asyncio.Event()
        try:
            yield
        finally:
            del self._taken[identity]
            mine.set()
