"""Opening files in threads, so that no descriptor is lost if whoever waits for it is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import TypeVar

from wan_healthd.domain.files import FileLook
from wan_healthd.domain.ports import Files, OpenedFile, Threads
from wan_healthd.layouts.names import CONTROL_SUFFIX
from wan_healthd.services.deadline import Unanswered


class OpenedToJudge(OpenedFile, frozen=True):
    """An opened file, a look at where its control file would be, and whether somebody else has it open for writing.

    None and False for what could not be opened.
    """

    control: FileLook | None = None
    is_written: bool = False


Opened = TypeVar("Opened", bound=OpenedFile)


async def open_in_thread(files: Files, threads: Threads, root: bytes, path: bytes) -> OpenedFile:
    """Open in a thread; if we are cancelled meanwhile, or wait for it no more, what it opens is closed again.

    Raises:
        Unanswered: `threads` has a deadline, and the file system did not answer.
    """
    return await _in_thread(threads, lambda: files.open(root, path))


async def open_to_judge(files: Files, threads: Threads, root: bytes, path: bytes) -> OpenedToJudge:
    """As `open_in_thread`, with all that is asked about the file in the same call: of a thousand files each call is felt."""
    return await _in_thread(threads, lambda: _open_to_judge(files, root, path))


def _open_to_judge(files: Files, root: bytes, path: bytes) -> OpenedToJudge:
    found = files.open(root, path)
    if found.descriptor is None:
        return OpenedToJudge(found.look, None)
    control = files.look(root, path + CONTROL_SUFFIX)
    return OpenedToJudge(found.look, found.descriptor, control, files.is_written(found.descriptor))


async def _in_thread(threads: Threads, open_it: Callable[[], Opened]) -> Opened:
    opening = asyncio.ensure_future(threads.run(open_it))
    try:
        return await asyncio.shield(opening)
    except (asyncio.CancelledError, Unanswered):
        opening.add_done_callback(_close)
        raise


async def close_in_thread(threads: Threads, descriptor: int) -> None:
    """Close in a thread, even if we are cancelled meanwhile: some file systems ask their server about it.

    What a dead server answers (ENOTCONN) is nobody's concern: Linux has let go of the descriptor all the same, close(2).
    """
    with contextlib.suppress(Unanswered, OSError):
        await asyncio.shield(asyncio.ensure_future(threads.run(lambda: os.close(descriptor))))


def _close(opening: asyncio.Future[Opened]) -> None:
    if opening.cancelled():
        return
    failure = opening.exception()
    if isinstance(failure, Unanswered):
        failure.pending.add_done_callback(_close)
    elif failure is None and (descriptor := opening.result().descriptor) is not None:
        with contextlib.suppress(OSError):
            os.close(descriptor)
