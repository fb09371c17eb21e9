"""Ways for chunks to pass through stages: at once, or through threads so that the disk never waits for a hasher."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Sequence
from queue import SimpleQueue
from typing import NamedTuple, TypeAlias

from wan_healthd.digest.hashing import Stage
from wan_healthd.digest.slots import Slot
from wan_healthd.domain.extents import ByteRange

Belt: TypeAlias = Sequence[SimpleQueue[Slot | None]]
"""Chunk number i travels in queue i mod n: so each is found in file order, whoever was ready first. None ends the line."""


class Station(NamedTuple):
    """A stage, and how many threads work at it: thread t takes every chunk number that is t, modulo their number."""

    stage: Stage
    threads: int = 1


def pass_directly(chunks: Iterable[ByteRange], slot: Slot, stages: Sequence[Stage]) -> None:
    """All in the caller's thread: for files so small that a thread would cost more than it saves."""
    for chunk in chunks:
        slot.begin(chunk)
        for stage in stages:
            stage.work(slot)


class Line:
    """Stations in a ring: slots go from the first, which fills them, to the last, and back to the first.

    The last station has one thread, the caller's own. The line cannot hang: whoever fails ends every queue, and each thread
    waits at nothing else.

    Args:
        slots: their number is a multiple of the first station's threads.
    """

    def __init__(self, chunks: Sequence[ByteRange], slots: Sequence[Slot], stations: Sequence[Station]) -> None:
        self._chunks = chunks
        self._failure: BaseException | None = None
        before = (*stations[-1:], *stations[:-1])
        self._belts = [_belt(maker, taker) for maker, taker in zip(before, stations, strict=True)]
        for number, slot in enumerate(slots):
            self._belts[0][number % len(self._belts[0])].put(slot)
        lanes = [(place, lane) for place, station in enumerate(stations[:-1]) for lane in range(station.threads)]
        self._stations = stations
        self._threads = [threading.Thread(target=self._work, args=lane, daemon=True) for lane in lanes]

    def run(self) -> None:
        """Take every chunk through all stations. Raises what a stage raised first, once all threads have ended."""
        started = []
        try:
            for thread in self._threads:
                thread.start()
                started.append(thread)
        except RuntimeError as error:  # the system has no more threads
            self._fail(error)
        self._work(len(self._stations) - 1, 0)
        for thread in started:
            thread.join()
        if self._failure is not None:
            raise self._failure

    def _work(self, place: int, lane: int) -> None:
        stage, threads = self._stations[place]
        inbox, outbox = self._belts[place], self._belts[(place + 1) % len(self._belts)]
        try:
            for number in range(lane, len(self._chunks), threads):
                slot = inbox[number % len(inbox)].get()
                if slot is None or self._failure is not None:
                    return
                if place == 0:
                    slot.begin(self._chunks[number])
                stage.work(slot)
                outbox[number % len(outbox)].put(slot)
        except BaseException as error:  # carried to the caller's thread, which raises it
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
        for belt in self._belts:
            for queue in belt:
                queue.put(None)


def _belt(maker: Station, taker: Station) -> Belt:
    """As many queues as give each of them one maker and one taker."""
    return [SimpleQueue() for _ in range(math.lcm(maker.threads, taker.threads))]
