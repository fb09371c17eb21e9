"""Nobody waits for ever for a file system that does not answer."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from wan_healthd.domain.ports import OpenedFile
from wan_healthd.host.files import LocalFiles
from wan_healthd.host.threads import ThreadPool
from wan_healthd.services.deadline import Deadline, Unanswered
from wan_healthd.services.opening import close_in_thread, open_in_thread

SHORT_S = 0.05


def play(scenario: Callable[[ThreadPool, threading.Event], Coroutine[Any, Any, None]]) -> None:
    """`scenario` gets an event for which its calls may hang."""
    threads, answer = ThreadPool(), threading.Event()
    try:
        asyncio.run(asyncio.wait_for(scenario(threads, answer), 10))
    finally:
        answer.set()
        threads.close()


def test_what_answers_in_time_is_none_the_wiser() -> None:
    async def scenario(threads: ThreadPool, _answer: threading.Event) -> None:
        patient = Deadline(threads, 5.0)
        assert await patient.run(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await patient.run(lambda: 1 // 0)

    play(scenario)


@pytest.mark.parametrize("fails", [False, True])
def test_what_does_not_answer_goes_on_without_us(fails: bool) -> None:
    async def scenario(threads: ThreadPool, answer: threading.Event) -> None:
        def hang() -> bool:
            answer.wait(10)
            if fails:
                raise OSError("late")
            return True

        with pytest.raises(Unanswered, match="did not answer within") as caught:
            await Deadline(threads, SHORT_S).run(hang)
        pending = caught.value.pending
        assert not pending.done()
        answer.set()
        await asyncio.wait([pending], timeout=5)
        assert pending.done()

    play(scenario)


class SlowFiles(LocalFiles):
    """Opens late."""

    def __init__(self, answer: threading.Event) -> None:
        super().__init__()
        self.answer = answer
        self.opened: list[OpenedFile] = []

    def open(self, root: bytes, path: bytes) -> OpenedFile:
        self.answer.wait(10)
        self.opened.append(super().open(root, path))
        return self.opened[-1]


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_what_is_opened_too_late_is_closed_again(tmp_path: Path, is_cancelled: bool) -> None:
    (tmp_path / "file").write_bytes(b"x")

    async def scenario(threads: ThreadPool, answer: threading.Event) -> None:
        files = SlowFiles(answer)
        opening = asyncio.create_task(
            open_in_thread(files, Deadline(threads, SHORT_S), bytes(tmp_path), bytes(tmp_path / "file"))
        )
        await asyncio.sleep(0)
        if is_cancelled:
            opening.cancel()
        with pytest.raises((Unanswered, asyncio.CancelledError)):
            await opening
        await asyncio.sleep(SHORT_S * 2)
        answer.set()
        while not files.opened:
            await asyncio.sleep(0.01)
        await asyncio.sleep(SHORT_S)
        descriptor = files.opened[0].descriptor
        assert descriptor is not None
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
        files.close()

    play(scenario)


def test_closing_waits_for_nobody_either() -> None:
    async def scenario(threads: ThreadPool, _answer: threading.Event) -> None:
        reader, writer = os.pipe()
        await close_in_thread(Deadline(threads, 5.0), reader)
        os.close(writer)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(reader)

    play(scenario)
