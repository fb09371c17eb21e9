"""The worker's jobs: each in a thread of its own, each isolated, each answered exactly once."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import TypeAlias

from wan_healthd.digest.bounded_reader import BoundedReader
from wan_healthd.digest.cached_file import CachedFile
from wan_healthd.digest.cues import Cues
from wan_healthd.digest.disk_file import DiskFile, Source
from wan_healthd.digest.follow import Follow
from wan_healthd.digest.io_priority import yield_disk
from wan_healthd.digest.ledger import REPORT_INTERVAL_S
from wan_healthd.digest.parsers import parser_of
from wan_healthd.digest.protocol import (
    Blocks,
    Done,
    FollowJob,
    FromWorker,
    HeaderDone,
    HeaderJob,
    Job,
    LocateDone,
    LocateJob,
    Progress,
    ProtocolViolation,
    ReadDone,
    ReadJob,
    Refused,
)
from wan_healthd.digest.reading import Reading
from wan_healthd.digest.slots import SlotPool
from wan_healthd.digest.storage import Storage
from wan_healthd.digest.throttle import PacedSource, Throttle
from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.domain.paths import printable
from wan_healthd.domain.ports import BlockRun

Send: TypeAlias = Callable[[FromWorker], None]
"""Sends one frame; safe to call from any thread. Raises OSError (EMSGSIZE) for a frame that is too large."""

MAX_TEXT_CHARS = 500


class Cancelled(Exception):
    """The engine does not want this job any more."""


class ReadReport:
    """Tells the engine about a read, and the read about a cancellation (see `reading.Listener`)."""

    def __init__(self, job: int, send: Send, cancelled: threading.Event) -> None:
        self._job = job
        self._send = send
        self._cancelled = cancelled
        self._told_at = time.monotonic()
        self._bytes_read = 0

    def run(self, run: BlockRun) -> None:
        """See `Listener`."""
        self._send(Blocks(self._job, run))

    def pulse(self, bytes_read: int) -> None:
        """See `Listener`."""
        self._bytes_read = bytes_read
        if self._cancelled.is_set():
            raise Cancelled
        now = time.monotonic()
        if now - self._told_at >= REPORT_INTERVAL_S:
            self._told_at = now
            self._send(Progress(self._job, bytes_read))

    def wait(self, wait_s: float) -> None:
        """The read must wait for its turn, in seconds; it goes on telling that it lives."""
        self._cancelled.wait(wait_s)
        self.pulse(self._bytes_read)


class Jobs:
    """Starts and cancels jobs. How many run at once is the engine's business."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._slots = SlotPool()
        self._throttle = Throttle()
        self._cancelled: dict[int, threading.Event] = {}
        self._cues: dict[int, Cues] = {}
        self._storages: dict[int, Storage] = {}

    def start(self, job: Job, descriptor: int | None) -> None:
        """Begin; the descriptor is the job's from now on.

        Raises:
            ProtocolViolation: the number is in use.
        """
        if job.job in self._cancelled:
            raise ProtocolViolation(f"job {job.job} was given out twice")
        self._cancelled[job.job] = threading.Event()
        self._cues[job.job] = Cues()
        self._storages[job.job] = Storage()
        threading.Thread(target=self._run, args=(job, descriptor), name=f"job-{job.job}", daemon=True).start()

    def cancel(self, number: int) -> None:
        """Let the job end at its next chunk; no error if it has ended."""
        if (event := self._cancelled.get(number)) is not None:
            event.set()

    def set_pace(self, bytes_per_s: float | None) -> None:
        """See `Pace`."""
        self._throttle.set_rate(bytes_per_s)

    def finish(self, number: int, *, is_final: bool) -> None:
        """See `Finish`; no error if the job has ended."""
        if (cues := self._cues.get(number)) is not None:
            cues.give(is_final=is_final)

    def at_storage(self) -> tuple[int, ...]:
        """Numbers of the jobs that wait for their storage now."""
        return tuple(number for number, storage in list(self._storages.items()) if storage.is_asked)

    def _run(self, job: Job, descriptor: int | None) -> None:
        answer = self._outcome(job, descriptor)
        del self._cancelled[job.job], self._cues[job.job], self._storages[job.job]
        try:
            self._send(answer)
        except Exception as error:  # an answer that cannot be sent must not look like a worker that hangs
            self._send(_refusal(job.job, error))

    def _outcome(self, job: Job, descriptor: int | None) -> Done | Refused:
        """The boundary that isolates a job: whatever one file does to us, the others go on."""
        try:
            return self._work(job, descriptor)
        except Exception as error:
            return _refusal(job.job, error)
        finally:
            if descriptor is not None:
                with suppress(OSError):  # a dead file server's answer must not take ours away; the descriptor is gone anyway
                    os.close(descriptor)

    def _work(self, job: Job, descriptor: int | None) -> Done:
        if isinstance(job, LocateJob):
            return LocateDone(job.job, parser_of(job.format_name).locate(job.packed_header, job.ranges))
        if descriptor is None:
            raise OSError(errno.EBADF, "the job came without a file")
        if isinstance(job, HeaderJob):
            return HeaderDone(job.job, _judge(job, descriptor, self._storages[job.job]))
        if isinstance(job, FollowJob):
            return self._follow(job, descriptor)
        return self._read(job, descriptor)

    def _follow(self, job: FollowJob, descriptor: int) -> ReadDone:
        report = ReadReport(job.job, self._send, self._cancelled[job.job])
        file = CachedFile(descriptor, self._storages[job.job])
        return ReadDone(job.job, Follow(file, self._slots, report, self._cues[job.job]).outcome())

    def _read(self, job: ReadJob, descriptor: int) -> ReadDone:
        yield_disk(job.request.mode)
        report = ReadReport(job.job, self._send, self._cancelled[job.job])
        file = DiskFile(descriptor, self._storages[job.job])
        source: Source = PacedSource(file, self._throttle, report.wait) if job.request.is_paced else file
        try:
            return ReadDone(job.job, Reading(source, job.request, self._slots, report).outcome())
        finally:
            file.close()


def _judge(job: HeaderJob, descriptor: int, storage: Storage) -> HeaderFacts:
    parser = parser_of(job.format_name)
    if not job.from_disk:
        return parser.judge(BoundedReader(descriptor, storage=storage))
    with closing(DiskFile(descriptor, storage)) as source:
        return parser.judge(BoundedReader(descriptor, source, storage))


def _refusal(job: int, error: Exception) -> Refused:
    match error:
        case Cancelled():
            return Refused(job, "ECANCELED", "the job was cancelled")
        case OSError():
            name, text = errno.errorcode.get(error.errno or 0, "EIO"), error.strerror or str(error)
        case MemoryError():
            name, text = "ENOMEM", "memory ran out"
        case ValueError():
            name, text = "EINVAL", str(error)
        case _:
            name, text = "ENOTRECOVERABLE", f"{type(error).__name__}: {error}"
    return Refused(job, name, printable(text)[:MAX_TEXT_CHARS])
