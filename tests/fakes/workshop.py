"""The services wired by hand around a real store, real files and a fake engine: nothing runs unless the test says so."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from tests.fakes.alert_sink import FakeAlertSink
from tests.fakes.clock import FakeClock
from tests.fakes.cron import FakeCron
from tests.fakes.digest_engine import FakeDigestEngine
from tests.fakes.misreading import MisreadingEngine
from wan_healthd.checks.verdict import corruption_report
from wan_healthd.domain.events import Event
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.settings import AlertSettings, HealthCheckConfig, Settings
from wan_healthd.domain.storage import DiskUsage
from wan_healthd.domain.verdicts import IntegrityResult
from wan_healthd.host.files import LocalFiles
from wan_healthd.host.threads import ThreadPool, spawn
from wan_healthd.layouts.registry import StatedModel
from wan_healthd.services.activity import Activity
from wan_healthd.services.alert import Alerter
from wan_healthd.services.atlases import Atlases
from wan_healthd.services.claims import Claims
from wan_healthd.services.conditions import Conditions
from wan_healthd.services.conduct import Conductor
from wan_healthd.services.crew import Crew
from wan_healthd.services.feed import Feed
from wan_healthd.services.hearing import Hearing
from wan_healthd.services.inspect import Inspector
from wan_healthd.services.jobs import Jobs
from wan_healthd.services.orders import Findings, Order
from wan_healthd.services.pause import Pauses
from wan_healthd.services.places import Places
from wan_healthd.services.publish import Publisher
from wan_healthd.services.queue import Priority, Task, Ticket, WorkQueue
from wan_healthd.services.reading import ContentReader
from wan_healthd.services.roots import RootKeeper
from wan_healthd.services.rounds import Rounds
from wan_healthd.services.schedule import Schedule
from wan_healthd.services.storage import StorageWatch
from wan_healthd.services.sweep import Sweeper
from wan_healthd.services.trust import Trust
from wan_healthd.store import events, models, paths
from wan_healthd.store.database import Database
from wan_healthd.store.records import PathState


class Workshop:
    """Attributes are the services and the fakes by their usual names; verbs below are what tests do all the time."""

    def __init__(self, root: bytes, database: Database, threads: ThreadPool, crew: Crew, stated: Sequence[StatedModel]) -> None:
        self.root = root
        self.database = database
        self.threads = threads
        self.crew = crew
        self.clock = FakeClock()
        self.fake = FakeDigestEngine()
        self.engine = MisreadingEngine(self.fake)
        self.files = LocalFiles()
        self.atlases = Atlases(database, stated)
        self.sink = FakeAlertSink()
        self.queue = WorkQueue()
        self.activity = Activity()
        self.complaints: list[tuple[str, BaseException]] = []
        self.callback_complaints: list[tuple[str, BaseException]] = []
        self.retries: list[bytes] = []
        self.appeared: list[bytes] = []
        self.looked_for_later: list[bytes] = []
        self.manifests: dict[str, bytes] = {}
        self.manifest_places: dict[bytes, bytes] = {}
        self.feed = Feed(self.clock, threads, corruption_report, self._complain_of_callback)
        self.alerter = Alerter([self.sink], database, self.clock, self.feed, AlertSettings())
        self.conditions = Conditions(database, self.clock, self.alerter, self.feed)
        self.looks: list[str] = []
        self.usage = DiskUsage(device=1, used_bytes=40, available_bytes=60)
        self.storage = StorageWatch(
            usage=lambda folder: self.usage,
            threads=threads,
            clock=self.clock,
            database=database,
            conditions=self.conditions,
            folders=[root],
            settings=HealthCheckConfig(),
        )
        self.publisher = Publisher(database, self.clock, self.alerter, self.feed, lambda m: not self.queue.holds_of(m))
        self.reader = ContentReader(self.engine, database, self.clock, self.activity)
        self.inspector = Inspector(
            queue=self.queue,
            files=self.files,
            threads=threads,
            hearing=Hearing(
                engine=self.engine,
                files=self.files,
                threads=threads,
                database=database,
                claims=Claims(self.files, threads, self.clock, self.manifests),
                reads_content=True,
            ),
            reader=self.reader,
            database=database,
            places=Places(self.files, threads, database, self.atlases),
            publisher=self.publisher,
            clock=self.clock,
            reads_content=True,
            retry_later=lambda path, quiet_s: self.retries.append(path),
            complain=self.complain,
            model_appeared=lambda root, folder: self.appeared.append(folder),
        )
        self.sweeper = Sweeper(
            files=self.files,
            threads=threads,
            database=database,
            queue=self.queue,
            clock=self.clock,
            feed=self.feed,
            roots=RootKeeper(database, self.clock, self.alerter, self.feed),
            atlases=self.atlases,
            look_later=self.looked_for_later.append,
            manifests=self.manifest_places,
        )
        self.pauses = Pauses(self.queue, self.inspector, database, self.clock, self.feed)
        self.conductor = Conductor(
            sweeper=self.sweeper,
            rounds=Rounds(database, self.queue),
            pauses=self.pauses,
            database=database,
            clock=self.clock,
            alerter=self.alerter,
            feed=self.feed,
            roots=[root],
            crew=crew,
            complain=self.complain,
        )
        self.jobs = Jobs(
            sweeper=self.sweeper,
            database=database,
            publisher=self.publisher,
            feed=self.feed,
            clock=self.clock,
            activity=self.activity,
            crew=crew,
            sweep_now=self.conductor.sweep_now,
            complain=self.complain,
        )
        self.trust = Trust(database, self.files, threads, self.clock, self.feed, self.jobs)

    def schedule(self, cron: FakeCron, settings: Settings | None = None) -> Schedule:
        """A schedule whose looks at storage and exposure are counted only."""
        return Schedule(
            cron=cron,
            clock=self.clock,
            database=self.database,
            conductor=self.conductor,
            settings=settings or Settings(),
            look_at_storage=lambda: self.looks.append("storage"),
            look_at_exposure=lambda: self.looks.append("exposure"),
        )

    def complain(self, what: str, error: BaseException) -> None:
        self.complaints.append((what, error))

    def _complain_of_callback(self, who: str, error: BaseException) -> None:
        self.callback_complaints.append((who, error))

    def path(self, name: str) -> bytes:
        return self.root + b"/" + os.fsencode(name)

    def put(self, name: str, content: bytes) -> bytes:
        """Write a file; each write gets a time stamp of its own, however fast the test is."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        Workshop.stamps += 1
        os.utime(path, ns=(Workshop.stamps * 10**9, Workshop.stamps * 10**9))
        return path

    stamps = 1_600_000_000

    async def judge(self, name: str, *, full: bool = False, patient: bool = True) -> PathState | None:
        """Have one file judged, as after a hint, and tell what is known of it then."""
        ticket = Ticket()
        await self.queue.put(Task(self.path(name), self.root, Priority.CHANGED, full=full, patient=patient), ticket)
        await ticket.wait()
        return await self.state(name)

    async def sweep(self, order: Order | None = None, folder: str | None = None) -> Findings:
        """Sweep and wait for the judgements."""
        ticket = Ticket()
        place = self.root if folder is None else self.path(folder)
        found = await self.sweeper.sweep(self.root, place, order or Order(Priority.DUE), ticket)
        await ticket.wait()
        await self.alerter.tell_due()  # as its own loop does in a house
        return found

    async def sweep_roster(self) -> Findings:
        """Find models and files, judge nothing."""
        return await self.sweep(Order(Priority.DUE, judges=False))

    async def full_sweep(self) -> Findings:
        self.clock.advance(60)
        return await self.sweep(Order(Priority.DUE, full=True))

    async def state(self, name: str) -> PathState | None:
        return await self.database.read(lambda db: paths.state(db, self.path(name)))

    async def findings(self, name: str) -> tuple[Finding, ...]:
        state = await self.state(name)
        assert state is not None, f"{name} is not known"
        return state.findings

    async def codes(self, name: str) -> list[str]:
        return [finding.code for finding in await self.findings(name)]

    async def result(self, model_id: str) -> IntegrityResult:
        record = await self.database.read(lambda db: models.get(db, model_id))
        assert record is not None, f"{model_id} is not known"
        assert record.result is not None
        return record.result

    async def model_ids(self) -> list[str]:
        return [record.model.id for record in await self.database.read(models.everything)]

    async def events(self) -> tuple[Event, ...]:
        return await self.database.read(lambda db: events.since(db, self.database.stream, 0, 10_000))

    async def told(self, model_id: str | None = None) -> list[str]:
        """Kinds of the events so far."""
        return [event.kind.value for event in await self.events() if model_id in (None, event.model_id)]


@contextlib.asynccontextmanager
async def workshop(
    folder: Path, stated: Sequence[tuple[str, str]] = (), *, state: bytes | None = None, lanes: bool = True
) -> AsyncIterator[Workshop]:
    """Open a workshop over `folder`/root; `stated` are (id, path below the root)."""
    root = os.fsencode(folder / "root")
    os.makedirs(root, exist_ok=True)
    threads = ThreadPool()
    database = Database(state, spawn)
    shop: Workshop | None = None
    try:
        await database.write(lambda db: models.watch(db, [root], [name for name, _ in stated]))
        async with Crew() as crew:
            expected = [StatedModel(name, root + b"/" + os.fsencode(path)) for name, path in stated]
            shop = Workshop(root, database, threads, crew, expected)
            if lanes:
                crew.start(shop.inspector.run())
            yield shop
    finally:
        if shop is not None:
            shop.files.close()
        await asyncio.to_thread(database.close)
        threads.close()
