"""Opening files in threads, so that no descriptor is lost if whoever waits for it is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import os

from wan_healthd.domain.ports import Files, OpenedFile, Threads
from wan_healthd.services.deadline import Unanswered


async def open_in_thread(files: Files, threads: Threads, root: bytes, path: bytes) -> OpenedFile:
    """Open in a thread; if we are cancelled meanwhile, or wait for it no more, what it opens is closed again.

    Raises:
        Unanswered: `threads` has a deadline, and the file system did not answer.
    """
    opening = asyncio.ensure_future(threads.run(lambda: files.open(root, path)))
    try:
        return await asyncio.shield(opening)
    except (asyncio.CancelledError, Unanswered):
        opening.add_done_callback(_close)
        raise


async def close_in_thread(threads: Threads, descriptor: int) -> None:
    """Close in a thread, even if we are cancelled meanwhile: some file systems ask their server about it."""
    with contextlib.suppress(Unanswered):
        await asyncio.shield(asyncio.ensure_future(threads.run(lambda: os.close(descriptor))))


def _close(opening: asyncio.Future[OpenedFile]) -> None:
    if opening.cancelled():
        return
    failure = opening.exception()
    if isinstance(failure, Unanswered):
        failure.pending.add_done_callback(_close)
    elif failure is None and (descriptor := opening.result().descriptor) is not None:
        os.close(descriptor)
