"""The engine's connection to one worker process, from its start to its end. Belongs to one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from errno import errorcode
from itertools import count
from typing import Any

from wan_healthd.digest.exchange import FINAL, Ask, D, Exchange, WorkerLost
from wan_healthd.digest.framing import FrameBuffer
from wan_healthd.digest.heartbeat import Heartbeat
from wan_healthd.digest.outbox import Outbox, Parcel
from wan_healthd.digest.process import WorkerProcess
from wan_healthd.digest.protocol import (
    VERSION,
    Cancel,
    Finish,
    FromWorker,
    Hello,
    Pace,
    Ping,
    Pong,
    ProtocolViolation,
    Refused,
    decode_from_worker,
)
from wan_healthd.domain.confinement import Confinement

RECEIVE_BYTES = 1 << 18
LAST_WORDS_S = 2.0
"""How long a worker whose socket has closed may take to end before it is given up without a reason."""


class WorkerLink:
    """One worker, jobs multiplexed. Any breach of the protocol, and any silence that is too long, ends it for good.

    Args:
        command: starts the worker; the socket's number is appended.
        on_lost: told why, if the link ends by itself.
        pulse_s, most_missed: see `heartbeat`.

    Raises:
        OSError: the process cannot be started.
    """

    def __init__(self, command: Sequence[str], on_lost: Callable[[str], None], pulse_s: float, most_missed: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_lost = on_lost
        self._process = WorkerProcess(command)
        self._outbox = Outbox(self._process.connection)
        self._incoming = FrameBuffer()
        self._numbers = count(1)
        self._exchanges: dict[int, Exchange[Any]] = {}
        self._strays: set[int] = set()
        self._greeted: asyncio.Future[Confinement | None] = self._loop.create_future()
        self._over: asyncio.Future[str] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._begun_at = self._loop.time()
        self._heart = Heartbeat(
            every_s=pulse_s,
            most_missed=most_missed,
            ping=lambda number: self._post(Parcel(Ping(number))),
            is_stopped=lambda: self._process.is_stopped,
            lose=self._lose,
        )
        self._pulse_s = pulse_s
        self.is_alive = True
        self._loop.add_reader(self._process.pidfd, self._ended)
        self._loop.add_reader(self._process.connection, self._receive)
        self._post(Parcel(Hello(VERSION)))

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    @property
    def has_strays(self) -> bool:
        """Whether the worker may still be busy with jobs that nobody waits for."""
        return bool(self._strays)

    @property
    def is_gone(self) -> bool:
        """Whether the process has ended and was reaped."""
        return self._gone.done()

    @property
    def has_greeted(self) -> bool:
        """Whether the worker is up."""
        return self._greeted.done()

    @property
    def pings_answered(self) -> int:
        """How many pings the worker has answered."""
        return self._heart.answered

    @property
    def confinement(self) -> Confinement | None:
        """How the worker confined itself, by its own word; None before it has greeted."""
        return self._greeted.result() if self._greeted.done() else None

    async def ready(self, patience_s: float) -> None:
        """Wait for the worker's greeting. Raises WorkerLost if it does not come."""
        while not await self._comes(self._greeted, self._begun_at + patience_s):
            self._lose(f"it was silent for {patience_s:g} s")

    def set_pace(self, bytes_per_s: float | None) -> None:
        """See `Pace`; it holds for the jobs that were sent before, too."""
        self._post(Parcel(Pace(bytes_per_s)))

    async def answer(self, ask: Ask[D]) -> D | Refused:
        """Have one job done. Cancelling the call cancels the job.

        Raises:
            WorkerLost: the worker ended, broke the protocol, or was silent for too long.
        """
        number = next(self._numbers)
        try:
            parcel = Parcel(ask.frame(number), ask.descriptor)
        except OSError as error:
            return Refused(number, errorcode.get(error.errno or 0, "EIO"), f"the job cannot be sent: {error.strerror}")
        exchange = Exchange(ask, self._loop)
        self._exchanges[number] = exchange
        try:
            self._post(parcel)
            if ask.begun is not None:
                ask.begun(lambda is_final: self._post(Parcel(Finish(number, is_final))))
            while not await self._comes(exchange.end, exchange.heard_at + ask.patience_s):
                if (refusal := await self._endure(number, exchange, ask)) is not None:
                    return refusal
        finally:
            parcel.drop()  # its owner may close it now
            if self._exchanges.pop(number, None) is not None:
                self._strays.add(number)
                self._post(Parcel(Cancel(number)))
        end = exchange.end.result()
        if isinstance(end, Exception):
            raise end
        return end

    def retire(self) -> None:
        """End the worker on purpose; `on_lost` is not told."""
        self._end("it was told to end")

    async def gone(self) -> None:
        """Wait until the process has ended and was reaped; begin with `retire`."""
        await asyncio.wait([self._gone])

    async def _comes(self, awaited: asyncio.Future[Any], until: float) -> bool:
        """Wait until then, by the loop's time; whether it came. Raises WorkerLost."""
        if not awaited.done() and not self._over.done():
            left_s = max(0.0, until - self._loop.time())
            await asyncio.wait([awaited, self._over], timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        if not awaited.done() and self._over.done():
            raise WorkerLost(self._over.result())
        return awaited.done()

    async def _endure(self, number: int, exchange: Exchange[Any], ask: Ask[Any]) -> Refused | None:
        """A job seems silent for too long: the worker is to blame, or the storage, which is waited for, and then given up."""
        if self._loop.time() < exchange.heard_at + ask.patience_s:
            return None
        at_storage = await self._heart.at_storage()
        silent_s = self._loop.time() - exchange.heard_at
        if exchange.end.done() or silent_s < ask.patience_s:  # it spoke up meanwhile
            return None
        if at_storage is None or number not in at_storage:
            self._lose(f"it was silent for {ask.patience_s:g} s")
        elif silent_s >= ask.storage_s:
            return Refused(number, "ETIMEDOUT", f"its storage has not answered for {silent_s:.0f} s")
        else:
            await self._comes(exchange.end, self._loop.time() + self._pulse_s)
        return None

    def _post(self, parcel: Parcel) -> None:
        if self.is_alive:
            self._outbox.add(parcel)
            self._flush()
        else:
            parcel.drop()

    def _flush(self) -> None:
        try:
            empty = self._outbox.flush()
        except OSError:
            empty = True  # nobody is there to read it; the end of the process will say why
        if empty:
            self._loop.remove_writer(self._process.connection)
        else:
            self._loop.add_writer(self._process.connection, self._flush)

    def _receive(self) -> None:
        data = self._read()
        if data:
            self._take(data)
        elif data is not None:
            self._hung_up()

    def _read(self) -> bytes | None:
        """What has arrived: None for nothing yet, empty for nothing ever more."""
        try:
            return self._process.connection.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _take(self, data: bytes) -> None:
        try:
            for payload in self._incoming.feed(data):
                self._dispatch(decode_from_worker(payload))
        except ProtocolViolation as error:
            self._lose(f"it answered nonsense: {error}")

    def _dispatch(self, answer: FromWorker) -> None:
        if isinstance(answer, Hello):
            self._greet(answer)
            return
        if isinstance(answer, Pong):
            self._heart.take(answer)
            return
        exchange = self._exchanges.get(answer.job)
        if exchange is not None:
            exchange.take(answer)
        elif answer.job not in self._strays:
            raise ProtocolViolation(f"nobody asked for job {answer.job}")
        if isinstance(answer, FINAL):
            self._exchanges.pop(answer.job, None)
            self._strays.discard(answer.job)

    def _greet(self, hello: Hello) -> None:
        if self._greeted.done():
            raise ProtocolViolation("it greeted twice")
        if hello.version != VERSION:
            raise ProtocolViolation(f"it speaks version {hello.version}, not {VERSION}: restart, the package was replaced")
        self._greeted.set_result(hello.confinement)
        self._heart.begin()

    def _hung_up(self) -> None:
        """The stream has ended; the process should, too, and then its status says more."""
        self._loop.remove_reader(self._process.connection)
        self._process.kill()
        self._loop.call_later(LAST_WORDS_S, self._lose, "it closed its connection")

    def _ended(self) -> None:
        """The process has ended; what it said before still counts."""
        self._loop.remove_reader(self._process.pidfd)
        while self.is_alive and (data := self._read()):
            self._take(data)
        how = self._process.reap()
        self._gone.set_result(None)
        self._lose(how)

    def _lose(self, reason: str) -> None:
        if self.is_alive:
            self._end(reason)
            self._on_lost(reason)

    def _end(self, reason: str) -> None:
        if not self.is_alive:
            return
        self.is_alive = False
        self._heart.end()
        self._loop.remove_reader(self._process.connection)
        self._loop.remove_writer(self._process.connection)
        self._outbox.clear()
        self._process.hang_up()
        self._over.set_result(reason)
