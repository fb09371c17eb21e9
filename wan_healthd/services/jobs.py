"""Checks and sweeps that somebody asked for: each is a job with a number and progress, a check with a result."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import msgspec

from wan_healthd.domain.errors import HealthdError, JobNotFound, ModelNotFound
from wan_healthd.domain.ports import Clock
from wan_healthd.domain.verdicts import IntegrityResult
from wan_healthd.services.activity import Activity
from wan_healthd.services.conduct import FULL, INCREMENTAL
from wan_healthd.services.crew import Crew
from wan_healthd.services.feed import Feed
from wan_healthd.services.orders import Order
from wan_healthd.services.publish import Publisher
from wan_healthd.services.queue import Priority, Ticket
from wan_healthd.services.sweep import Sweeper
from wan_healthd.store import models
from wan_healthd.store.database import Database
from wan_healthd.store.records import ModelRecord
from wan_healthd.wire.answers import ErrorBody, JobRow

KEPT = 100
"""Finished jobs that can still be asked for."""


class Jobs:
    """Starts checks and remembers what came of them.

    Args:
        sweep_now: has all roots swept, by the name of the sweep, and returns when that is done.
        complain: told of checks that failed for a reason of ours.
    """

    def __init__(
        self,
        *,
        sweeper: Sweeper,
        database: Database,
        publisher: Publisher,
        feed: Feed,
        clock: Clock,
        activity: Activity,
        crew: Crew,
        sweep_now: Callable[[str], Awaitable[str]],
        complain: Callable[[str, BaseException], None],
    ) -> None:
        self._sweeper = sweeper
        self._database = database
        self._publisher = publisher
        self._feed = feed
        self._clock = clock
        self._activity = activity
        self._crew = crew
        self._sweep_now = sweep_now
        self._complain = complain
        self._numbers = itertools.count(1)
        self._rows: OrderedDict[int, JobRow] = OrderedDict()
        self._read_before: dict[int, int] = {}

    async def start_check(self, model_id: str, *, full: bool) -> JobRow:
        """Begin a check.

        Raises:
            ModelNotFound: no model has that id.
        """
        record = await self._record(model_id)
        row = self._begin("full-check" if full else "check", model_id, record.size_bytes)
        self._crew.start(self._run(row, lambda: self.check(model_id, full=full)))
        return row

    async def start_sweep(self, *, full: bool) -> JobRow:
        """Begin a sweep of all roots; while sweeps are paused it waits."""
        everything = await self._database.read(models.everything) if full else ()
        row = self._begin("full-sweep" if full else "sweep", None, sum(record.size_bytes for record in everything))
        self._crew.start(self._run(row, lambda: self._sweep(FULL if full else INCREMENTAL)))
        return row

    async def check(self, model_id: str, *, full: bool) -> IntegrityResult:
        """Check and wait for the verdict.

        Raises:
            ModelNotFound: no model has that id.
        """
        record = await self._record(model_id)
        order = Order(Priority.REQUESTED, full=full, since=self._clock.now())
        ticket = Ticket()
        model = record.model
        if model.layout.is_folder:
            await self._sweeper.sweep(model.root, model.path, order, ticket)
        else:
            await self._sweeper.sweep_file(model.root, model.path, order, ticket)
        await ticket.wait()
        result = await self._publisher.refresh(model_id, finished=True)
        if result is not None and not ticket.issued:  # no file, so that no last file of it hands the result out
            self._feed.result(result)
        if result is None:
            raise ModelNotFound(f"cannot check {model_id}: it is gone", "list the models with `healthctl status`")
        await self._feed.delivered()
        return result

    def get(self, job_id: int) -> JobRow:
        """One job.

        Raises:
            JobNotFound: no such job, or it ended long ago.
        """
        row = self._rows.get(job_id)
        if row is None:
            raise JobNotFound(f"cannot show job {job_id}: there is none of that number", "list them with `healthctl jobs`")
        if row.state != "running":
            return row
        done = self._activity.bytes_read - self._read_before[job_id]
        return msgspec.structs.replace(row, done_bytes=min(done, row.total_bytes) if row.total_bytes else done)

    def rows(self) -> tuple[JobRow, ...]:
        """All jobs that are remembered, oldest first."""
        return tuple(self.get(number) for number in self._rows)

    async def _sweep(self, name: str) -> None:
        await self._sweep_now(name)

    def _begin(self, kind: str, model_id: str | None, total_bytes: int) -> JobRow:
        row = JobRow(
            id=next(self._numbers),
            kind=kind,
            model_id=model_id,
            state="running",
            started_at=self._clock.now(),
            finished_at=None,
            done_bytes=0,
            total_bytes=total_bytes,
            result=None,
            error=None,
        )
        self._rows[row.id] = row
        self._read_before[row.id] = self._activity.bytes_read
        return row

    async def _record(self, model_id: str) -> ModelRecord:
        record = await self._database.read(lambda db: models.get(db, model_id))
        if record is None:
            raise ModelNotFound(f"cannot check {model_id}: no model has that id", "list the models with `healthctl status`")
        return record

    async def _run(self, row: JobRow, work: Callable[[], Awaitable[IntegrityResult | None]]) -> None:
        result: IntegrityResult | None = None
        body: ErrorBody | None = None
        state = "cancelled"
        try:
            result = await work()
            state = "done"
        except HealthdError as error:
            state, body = "failed", ErrorBody(error.code, error.category, error.message, error.suggestion)
        except Exception as error:  # the boundary that isolates one job
            what = f"check {row.model_id}" if row.model_id is not None else "sweep"
            self._complain(f"job {row.id} ({row.kind})", error)
            fault = HealthdError(f"cannot {what}: an internal error", "see the journal of wan-healthd")
            state, body = "failed", ErrorBody(fault.code, fault.category, fault.message, fault.suggestion)
        finally:
            self._end(row, state, result, body)

    def _end(self, row: JobRow, state: str, result: IntegrityResult | None, body: ErrorBody | None) -> None:
        done = self._activity.bytes_read - self._read_before.pop(row.id)
        self._rows[row.id] = msgspec.structs.replace(
            row, state=state, finished_at=self._clock.now(), done_bytes=done, result=result, error=body
        )
        finished = [number for number, known in self._rows.items() if known.state != "running"]
        for number in finished[:-KEPT]:
            del self._rows[number]
