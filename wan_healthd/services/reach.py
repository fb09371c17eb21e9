"""Reaching roots: whether a root can be listed, asked without waiting for ever. A dead network mount answers late or never."""

from __future__ import annotations

import asyncio
from typing import Any

from wan_healthd.domain.files import Listing
from wan_healthd.domain.ports import Files, Threads

PATIENCE_S = 20.0
"""A disk that wakes up takes ten seconds; a server that says nothing for longer keeps the other roots waiting no more."""

SILENCE = "ETIMEDOUT"
"""Stands for the system's error where there is no answer at all."""


class Reach:
    """Lists roots, and knows which of them do not answer: as long as a call hangs there, no further one is made.

    Args:
        patience_s: see PATIENCE_S.
    """

    def __init__(self, files: Files, threads: Threads, patience_s: float = PATIENCE_S) -> None:
        self._files = files
        self._threads = threads
        self._patience_s = patience_s
        self._asking: dict[bytes, asyncio.Future[Listing]] = {}
        self._hanging: dict[bytes, set[asyncio.Future[Any]]] = {}

    def is_silent(self, root: bytes) -> bool:
        """Whether a call hangs there. Never blocks."""
        return any(not pending.done() for pending in self._hanging.get(root, ()))

    def hangs(self, root: bytes, pending: asyncio.Future[Any]) -> None:
        """A call somewhere below `root` did not come back in time; it does once `pending` is done."""
        calls = self._hanging.setdefault(root, set())
        calls.add(pending)
        pending.add_done_callback(calls.discard)

    async def list_root(self, root: bytes) -> Listing:
        """The root's listing; empty, with ETIMEDOUT, where it does not answer."""
        if self.is_silent(root):
            return Listing(root, (), SILENCE)
        asking = self._asking.get(root)
        if asking is None or asking.done():
            asking = self._asking[root] = asyncio.ensure_future(self._list(root))
        answered, _ = await asyncio.wait([asking], timeout=self._patience_s)
        if not answered:
            self.hangs(root, asking)
            return Listing(root, (), SILENCE)
        if self._asking.get(root) is asking:
            del self._asking[root]
        return asking.result()

    async def _list(self, root: bytes) -> Listing:
        return await self._threads.run(lambda: self._files.list_folder(root, root))
