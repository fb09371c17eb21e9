"""Saving the progress of a read: every 256 MiB or 5 seconds, whatever comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from wan_healthd.domain.digests import BLOCK_BYTES, BLOCK_DIGEST_BYTES
from wan_healthd.domain.ports import BlockRun, Clock

SAVE_BYTES = 256 << 20
SAVE_S = 5.0


class ProgressSaver:
    """Collects runs and hands them to `save` in few, large portions.

    Args:
        save: stores runs; awaited one call at a time, in order.
        clock: for the five seconds.
    """

    def __init__(self, save: Callable[[list[BlockRun]], Awaitable[None]], clock: Clock) -> None:
        self._save = save
        self._clock = clock
        self._pending: list[BlockRun] = []
        self._pending_bytes = 0
        self._due = asyncio.Event()
        self._saved_at = clock.monotonic()

    def add(self, run: BlockRun) -> None:
        """One more run; adjacent runs of the same proof are joined."""
        last = self._pending[-1] if self._pending else None
        if last is not None and last.end_block == run.first_block and last.assurance is run.assurance:
            self._pending[-1] = BlockRun(last.first_block, last.digests + run.digests, run.assurance)
        else:
            self._pending.append(run)
        self._pending_bytes += len(run.digests) // BLOCK_DIGEST_BYTES * BLOCK_BYTES
        if self._pending_bytes >= SAVE_BYTES or self._clock.monotonic() - self._saved_at >= SAVE_S:
            self._due.set()

    async def run(self) -> None:
        """Save whenever it is due, until cancelled."""
        while True:
            await self._due.wait()
            await self.flush()

    async def flush(self) -> None:
        """Save what is left."""
        runs, self._pending = self._pending, []
        self._pending_bytes = 0
        self._saved_at = self._clock.monotonic()
        self._due.clear()
        if runs:
            await self._save(runs)
