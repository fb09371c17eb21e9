"""Ways for slots to pass through stages: at once, or through a thread for each stage so that the disk never waits."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from queue import SimpleQueue
from types import TracebackType
from typing import Protocol, TypeAlias

from wan_healthd.digest.hashing import Stage
from wan_healthd.digest.slots import Slot

Belt: TypeAlias = SimpleQueue[Slot | None]
"""None says that nothing follows."""


class Line(Protocol):
    """Takes filled slots through all stages in order. Leave the context to finish; then all work is done or has failed."""

    def __enter__(self) -> Line: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def empty_slot(self) -> Slot:
        """A slot to fill; waits for one. Raises what a stage raised."""

    def push(self, slot: Slot) -> None:
        """Hand in a filled slot."""


class DirectLine:
    """Works in the caller's thread, on one slot: for files so small that a thread would cost more than it saves."""

    def __init__(self, slot: Slot, stages: Sequence[Stage]) -> None:
        self._slot = slot
        self._stages = stages

    def __enter__(self) -> DirectLine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def empty_slot(self) -> Slot:
        """See `Line`."""
        return self._slot

    def push(self, slot: Slot) -> None:
        """See `Line`."""
        for stage in self._stages:
            stage.work(slot)


class ThreadedLine:
    """A thread for each stage, belts between them, and back to the reader.

    It cannot hang: a stage that failed passes every slot on unworked, so slots always come back and the end always arrives.
    """

    def __init__(self, slots: Sequence[Slot], stages: Sequence[Stage]) -> None:
        self._empty: Belt = SimpleQueue()
        for slot in slots:
            self._empty.put(slot)
        self._failure: BaseException | None = None
        self._first: Belt = SimpleQueue()
        self._threads: list[threading.Thread] = []
        inbox = self._first
        for index, stage in enumerate(stages):
            outbox: Belt = self._empty if index == len(stages) - 1 else SimpleQueue()
            self._threads.append(threading.Thread(target=self._run, args=(stage, inbox, outbox), daemon=True))
            inbox = outbox

    def __enter__(self) -> ThreadedLine:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._first.put(None)
        for thread in self._threads:
            thread.join()
        if error is None:
            self._raise_failure()

    def empty_slot(self) -> Slot:
        """See `Line`."""
        slot = self._empty.get()
        self._raise_failure()
        if slot is None:
            raise RuntimeError("the line has been closed")
        return slot

    def push(self, slot: Slot) -> None:
        """See `Line`."""
        self._first.put(slot)

    def _run(self, stage: Stage, inbox: Belt, outbox: Belt) -> None:
        while (slot := inbox.get()) is not None:
            if self._failure is None:
                try:
                    stage.work(slot)
                except BaseException as failure:  # carried to the reader, which raises it
                    self._failure = failure
            outbox.put(slot)
        outbox.put(None)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
