"""The engine: asks a worker, ends it when it rests, replaces it when it is lost, and finds out whose fault that was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from msgspec import Struct

from wan_healthd.digest.admission import Admission
from wan_healthd.digest.exchange import Ask, D, OnRun, WorkerLost
from wan_healthd.digest.link import WorkerLink
from wan_healthd.digest.process import WORKER_COMMAND
from wan_healthd.digest.protocol import FollowJob, HeaderDone, HeaderJob, LocateDone, LocateJob, ReadDone, ReadJob, Refused
from wan_healthd.digest.rest import Rest
from wan_healthd.domain.confinement import Confinement
from wan_healthd.domain.errors import WorkerFailed, WorkerRefused
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.ports import ReadOutcome, ReadRequest, TouchedTensors

EXAMINATIONS = 4
"""Header and locate jobs at once, besides the reads: they are short and must not wait for those."""

FAREWELL_S = 5.0
"""How long `close` waits for a process that was killed; only one that hangs in the kernel takes this long."""

REST_S = 300.0
"""A worker that had nothing to do for so long is ended. It is up again 0.15 s after the first sign of work, and until then
nobody has to spare 27 MiB for it; a worker that stayed, with its reading memory given back, would still take most of them."""


class Patience(Struct, frozen=True):
    """How long the worker may be silent, in seconds.

    Args:
        start_s: until it greets.
        examine_s: over a header; where the storage does not answer, `examine_storage_s`.
        read_s: in the middle of a read, whoever is to blame.
        pulse_s: between two pings.
        most_missed: pings in a row that it may leave unanswered.
    """

    start_s: float = 30.0
    examine_s: float = 10.0
    examine_storage_s: float = 60.0
    read_s: float = 300.0
    pulse_s: float = 3.0
    most_missed: int = 7


class WorkerEngine:
    """Implements `domain.ports.DigestEngine` and `DownloadFollower` with one worker process, started at the first call.

    A worker that rests too long is ended, which is no loss: the next call, or `get_ready`, starts another one.

    A job that is with the worker when the worker is lost is tried once more, with no other job beside it; if the worker is
    lost again, that was this job's doing. So a crash costs one job. The second try reads from the beginning and reports its
    runs again: `on_run` may hear of the same blocks twice, and what it hears last stands.

    A worker that was stopped, or that answers no pings, counts as lost. One that waits for a slow disk answers them: its job
    alone is refused (ETIMEDOUT), and not before its patience ends.

    One instance belongs to one event loop, which may run in any thread.

    Args:
        concurrency: files read at the same time.
        patience: silences that end the worker.
        on_lost: told why each time the worker ended by itself or had to be ended; called in the event loop, must not raise.
        command: starts the worker; the number of its socket is appended.
        rest_s: see REST_S.
    """

    def __init__(
        self,
        *,
        on_lost: Callable[[str], None],
        concurrency: int = 2,
        patience: Patience = Patience(),  # noqa: B008, it is frozen
        command: Sequence[str] = WORKER_COMMAND,
        rest_s: float = REST_S,
    ) -> None:
        self._on_lost = on_lost
        self._patience = patience
        self._command = tuple(command)
        self._reads = asyncio.Semaphore(concurrency)
        self._examinations = asyncio.Semaphore(EXAMINATIONS)
        self._admission = Admission()
        self._starting = asyncio.Lock()
        self._link: WorkerLink | None = None
        self._leaving: list[WorkerLink] = []
        self._rest = Rest(rest_s, self._dismiss)
        self._is_closed = False
        self._pace: float | None = None
        self._in_demand = 0

    @property
    def pid(self) -> int | None:
        """The worker's process id; None while there is none."""
        return self._link.pid if self._link is not None and self._link.is_alive else None

    @property
    def pulses(self) -> tuple[int, int] | None:
        """The worker's process id and how many pings it has answered; None while there is none that has greeted."""
        link = self._link
        return None if link is None or not link.is_alive or not link.has_greeted else (link.pid, link.pings_answered)

    @property
    def confinement(self) -> Confinement | None:
        """How the worker is confined; None while there is none that has greeted."""
        return self._link.confinement if self._link is not None and self._link.is_alive else None

    @property
    def is_in_demand(self) -> bool:
        """Whether a read that somebody waits for cannot begin, since others are under way."""
        return self._in_demand > 0

    def get_ready(self) -> None:
        """There will be work soon: start the worker, if there is none, and wait for nothing. Cheap while there is one."""
        if self._is_closed:
            return
        self._rest.used()
        if self._link is None or not self._link.is_alive:
            with suppress(WorkerLost):  # whoever has work will be told
                self._start()

    def set_pace(self, bytes_per_s: float | None) -> None:
        """How fast all paced reads together may be from now on; None for no limit, 0: they wait."""
        if bytes_per_s != self._pace:
            self._pace = bytes_per_s
            if self._link is not None:
                self._link.set_pace(bytes_per_s)

    async def read(self, descriptor: int, request: ReadRequest, on_run: OnRun) -> ReadOutcome:
        """See `DigestEngine`. Sets O_DIRECT on the open file; use the descriptor for nothing else but these calls."""
        read_s = self._patience.read_s
        ask = Ask(lambda job: ReadJob(job, request), descriptor, ReadDone, read_s, read_s, on_run)
        async with self._turn(request):
            return (await self._ask(ask)).outcome

    async def follow(self, descriptor: int, begun: Callable[[Callable[[bool], None]], None], on_run: OnRun) -> ReadOutcome:
        """See `DownloadFollower`. Never begins beside a job that is tried alone, and is not tried twice itself."""
        if self._admission.is_shut:
            raise WorkerFailed("cannot follow the file: the digest worker is needed alone")
        read_s = self._patience.read_s
        ask = Ask(FollowJob, descriptor, ReadDone, read_s, read_s, on_run, begun)
        try:
            return (await self._try(ask, alone=False)).outcome
        except WorkerLost as error:
            raise WorkerFailed(f"cannot follow the file: the digest worker was lost: {error}") from error

    async def header(self, descriptor: int, format_name: str, *, from_disk: bool = False) -> HeaderFacts:
        """See `DigestEngine`. `from_disk` sets O_DIRECT, as `read` does."""
        patience_s, storage_s = self._patience.examine_s, self._patience.examine_storage_s
        ask = Ask(lambda job: HeaderJob(job, format_name, from_disk), descriptor, HeaderDone, patience_s, storage_s)
        async with self._examinations:
            return (await self._ask(ask)).facts

    async def locate(self, format_name: str, packed_header: bytes, ranges: Sequence[ByteRange]) -> TouchedTensors:
        """See `DigestEngine`."""
        damaged = tuple(ranges)
        examine_s = self._patience.examine_s
        ask = Ask(lambda job: LocateJob(job, format_name, packed_header, damaged), None, LocateDone, examine_s, examine_s)
        async with self._examinations:
            return (await self._ask(ask)).touched

    async def close(self) -> None:
        """See `DigestEngine`. May be called more than once."""
        self._is_closed = True
        self._rest.close()
        links = [*self._leaving, *([self._link] if self._link is not None else [])]
        for link in links:
            link.retire()
        farewells = [asyncio.ensure_future(link.gone()) for link in links if not link.is_gone]
        if farewells:
            _done, hanging = await asyncio.wait(farewells, timeout=FAREWELL_S)
            for farewell in hanging:
                farewell.cancel()

    @asynccontextmanager
    async def _turn(self, request: ReadRequest) -> AsyncIterator[None]:
        demand = 0 if request.is_paced else 1
        self._in_demand += demand
        try:
            await self._reads.acquire()
        finally:
            self._in_demand -= demand
        try:
            yield
        finally:
            self._reads.release()

    async def _ask(self, ask: Ask[D]) -> D:
        try:
            async with self._admission.together():
                return await self._try(ask, alone=False)
        except WorkerLost:
            pass  # perhaps a neighbour's fault
        try:
            async with self._admission.alone():
                return await self._try(ask, alone=True)
        except WorkerLost as error:
            raise WorkerFailed(
                f"cannot examine the file: the digest worker was lost twice while it had this job: {error}",
                "look for lack of memory or disk errors in `journalctl -k`, then check the file again",
            ) from error

    async def _try(self, ask: Ask[D], *, alone: bool) -> D:
        with self._rest.put_off():
            link = await self._running(alone=alone)
            answer = await link.answer(ask)
        if isinstance(answer, Refused):
            raise WorkerRefused(f"cannot examine the file: {answer.text}", answer.errno_name)
        return answer

    async def _running(self, *, alone: bool) -> WorkerLink:
        """A worker that has greeted; `alone` asks for one that is not busy with a cancelled job either."""
        async with self._starting:
            if self._is_closed:
                raise WorkerFailed("cannot examine the file: the digest engine is closed")
            link = self._link
            if link is None or not link.is_alive or (alone and link.has_strays):
                link = self._start()
            await link.ready(self._patience.start_s)
            return link

    def _start(self) -> WorkerLink:
        self._dismiss()
        try:
            self._link = WorkerLink(self._command, self._on_lost, self._patience.pulse_s, self._patience.most_missed)
        except OSError as error:
            raise WorkerLost(f"it cannot be started: {error}") from error
        if self._pace is not None:
            self._link.set_pace(self._pace)
        return self._link

    def _dismiss(self) -> None:
        if self._link is not None:
            self._link.retire()
            self._leaving = [link for link in (*self._leaving, self._link) if not link.is_gone]
            self._link = None
