"""One job on its way through the worker, as the engine sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

from msgspec import Struct

from wan_healthd.digest.protocol import (
    Blocks,
    Done,
    HeaderDone,
    Job,
    LocateDone,
    Progress,
    ProtocolViolation,
    ReadDone,
    Refused,
)
from wan_healthd.domain.ports import BlockRun

OnRun: TypeAlias = Callable[[BlockRun], None]

D = TypeVar("D", ReadDone, HeaderDone, LocateDone)

FINAL = (ReadDone, HeaderDone, LocateDone, Refused)


class WorkerLost(Exception):
    """The worker is gone, and with it the answer. The argument says why, in words that follow "the digest worker was lost:"."""


class Ask(Struct, Generic[D], frozen=True):
    """What the engine wants of a worker; the same ask can be made of a second one.

    Args:
        frame: makes the job's frame, given the job's number.
        descriptor: goes with the frame.
        done: the kind of answer that ends the job.
        patience_s: how long the worker may stay silent about it.
        storage_s: how long if it is the storage that does not answer.
        on_run: takes digests; None where none may come.
        begun: called once the job was sent, with what sends a `Finish`, given whether it is final.
    """

    frame: Callable[[int], Job]
    descriptor: int | None
    done: type[D]
    patience_s: float
    storage_s: float
    on_run: OnRun | None = None
    begun: Callable[[Callable[[bool], None]], None] | None = None


class Exchange(Generic[D]):
    """Collects the answers to one ask.

    Attributes:
        end: the last answer, or what the caller's `on_run` raised.
        heard_at: loop time of the latest sign of life.
    """

    def __init__(self, ask: Ask[D], loop: asyncio.AbstractEventLoop) -> None:
        self._ask: Ask[D] = ask
        self._loop = loop
        self.end: asyncio.Future[D | Refused | Exception] = loop.create_future()
        self.heard_at = loop.time()

    def take(self, answer: Blocks | Progress | Done | Refused) -> None:
        """Take one answer.

        Raises:
            ProtocolViolation: it does not fit the job.
        """
        if isinstance(answer, Refused) or isinstance(answer, self._ask.done):  # noqa: SIM101, narrows the type
            self._settle(answer)
        elif isinstance(answer, Blocks | Progress) and self._ask.on_run is not None:
            self.heard_at = self._loop.time()
            if isinstance(answer, Blocks):
                self._pass_on(answer.run, self._ask.on_run)
        else:
            raise ProtocolViolation(f"{type(answer).__name__} does not answer job {answer.job}")

    def _settle(self, end: D | Refused | Exception) -> None:
        if not self.end.done():
            self.end.set_result(end)

    def _pass_on(self, run: BlockRun, on_run: OnRun) -> None:
        if self.end.done():
            return
        try:
            on_run(run)
        except Exception as error:  # the caller's own mistake: it fails this read, not the worker
            self._settle(error)
