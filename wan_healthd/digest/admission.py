"""Who may be with the worker at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Admission:
    """Lets calls in together, or one of them alone; in the order in which they came."""

    def __init__(self) -> None:
        self._door = asyncio.Lock()
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def is_shut(self) -> bool:
        """Whether somebody is alone, or waits to be."""
        return self._door.locked()

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """Enter beside others, but not beside one who wants to be alone."""
        async with self._door:
            self._inside += 1
            self._empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Enter once everybody has left, and keep the door shut."""
        async with self._door:
            await self._empty.wait()
            yield
