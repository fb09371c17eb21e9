"""The composition root: everything is made and wired here, by constructor arguments, and nowhere else."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

from msgspec import Struct

from wan_healthd.checks.verdict import corruption_report
from wan_healthd.digest.engine import WorkerEngine
from wan_healthd.domain.alerts import WORKER_LOST
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.paths import printable
from wan_healthd.domain.ports import AlertSink, Clock, Threads
from wan_healthd.domain.settings import Settings
from wan_healthd.host import disk
from wan_healthd.host.clock import SystemClock
from wan_healthd.host.cron import ApSchedulerCron
from wan_healthd.host.files import LocalFiles
from wan_healthd.host.inotify import InotifyWatcher
from wan_healthd.host.threads import ThreadPool, spawn
from wan_healthd.layouts import hf_cache
from wan_healthd.layouts.registry import StatedModel
from wan_healthd.services.absentees import Absentees
from wan_healthd.services.activity import Activity
from wan_healthd.services.alert import Alerter
from wan_healthd.services.claims import Claims
from wan_healthd.services.conduct import Conductor
from wan_healthd.services.crew import Crew
from wan_healthd.services.feed import Feed
from wan_healthd.services.hearing import Hearing
from wan_healthd.services.inspect import Inspector
from wan_healthd.services.jobs import Jobs
from wan_healthd.services.overview import Overview
from wan_healthd.services.places import Places
from wan_healthd.services.publish import Publisher
from wan_healthd.services.queue import Priority, Task, WorkQueue
from wan_healthd.services.reading import ContentReader
from wan_healthd.services.roots import RootKeeper
from wan_healthd.services.schedule import Schedule
from wan_healthd.services.settle import Settler
from wan_healthd.services.sweep import Sweeper, is_below
from wan_healthd.services.trust import Trust
from wan_healthd.services.watch import Watch
from wan_healthd.store import events, models
from wan_healthd.store.database import Database

READS_AT_ONCE = 3
"""Files read at the same time: two of a sweep, and one that somebody waits for."""

T = TypeVar("T")
Complain = Callable[[str, BaseException | None], None]


class Blueprint(Struct, frozen=True):
    """What a house is built from.

    Args:
        state: path of the database; None keeps everything in memory.
        sinks: where alerts go.
        complain: told of errors that are ours, to be logged; must not raise.
    """

    settings: Settings
    state: bytes | None
    sinks: tuple[AlertSink, ...]
    complain: Complain
    reads_at_once: int = READS_AT_ONCE

    @property
    def roots(self) -> tuple[bytes, ...]:
        """Absolute paths of the roots."""
        return tuple(root.path.encode("utf-8", "surrogateescape") for root in self.settings.roots)

    @property
    def stated(self) -> tuple[StatedModel, ...]:
        """The models that the configuration expects."""
        return tuple(StatedModel(m.id, m.path.encode("utf-8", "surrogateescape")) for m in self.settings.models)

    @property
    def manifests(self) -> dict[str, bytes]:
        """The manifest of each model that states one, by the model's id."""
        return {m.id: m.manifest.encode("utf-8", "surrogateescape") for m in self.settings.models if m.manifest is not None}


class House:
    """All services, wired; made by `open_house`, used within its `async with`."""

    def __init__(self, blueprint: Blueprint, database: Database, engine: WorkerEngine, threads: Threads, crew: Crew) -> None:
        self.blueprint = blueprint
        self.settings = blueprint.settings
        self.database = database
        self.threads = threads
        self.clock: Clock = SystemClock()
        self.activity = Activity()
        self.queue = WorkQueue()
        self._is_watching = False
        complain = blueprint.complain
        files, roots, stated = LocalFiles(), blueprint.roots, blueprint.stated
        self.alerter = Alerter(blueprint.sinks)
        self.feed = Feed(self.clock, threads, corruption_report, lambda who, error: complain(f"the callback {who}", error))
        places = Places(files, threads, database, stated)
        self.publisher = Publisher(
            database, self.clock, self.alerter, self.feed, lambda model_id: not self.queue.holds_of(model_id)
        )
        settler = Settler(self._settled)
        self.inspector = Inspector(
            queue=self.queue,
            files=files,
            threads=threads,
            hearing=Hearing(
                engine=engine,
                files=files,
                threads=threads,
                database=database,
                claims=Claims(files, threads, self.clock, blueprint.manifests),
                reads_content=blueprint.settings.health.corruption_detection_enabled,
            ),
            reader=ContentReader(engine, database, self.clock, self.activity),
            database=database,
            places=places,
            publisher=self.publisher,
            clock=self.clock,
            reads_content=blueprint.settings.health.corruption_detection_enabled,
            retry_later=settler.touched,
            complain=complain,
            model_appeared=self._appeared,
        )
        self.sweeper = Sweeper(
            files=files,
            threads=threads,
            database=database,
            queue=self.queue,
            clock=self.clock,
            feed=self.feed,
            roots=RootKeeper(database, self.clock, self.alerter, self.feed),
            stated=stated,
        )
        self.conductor = Conductor(
            sweeper=self.sweeper,
            database=database,
            clock=self.clock,
            alerter=self.alerter,
            absentees=Absentees(database, self.alerter),
            feed=self.feed,
            roots=roots,
            crew=crew,
            complain=complain,
        )
        self.jobs = Jobs(
            sweeper=self.sweeper,
            database=database,
            publisher=self.publisher,
            feed=self.feed,
            clock=self.clock,
            activity=self.activity,
            crew=crew,
            complain=complain,
        )
        self.trust = Trust(database, files, threads, self.clock, self.feed, self.jobs)
        self.watch = Watch(
            watcher=InotifyWatcher(),
            threads=threads,
            settler=settler,
            roots=roots,
            crew=crew,
            sweep=self.conductor.ask_folder,
            complain=lambda told: complain(told, None),
        )
        self.schedule = Schedule(ApSchedulerCron(self.clock), self.clock, database, self.conductor, blueprint.settings)
        self.overview = Overview(
            database=database,
            clock=self.clock,
            queue=self.queue,
            activity=self.activity,
            conductor=self.conductor,
            schedule=self.schedule,
            feed=self.feed,
            usage_percent=lambda: threads.run(lambda: _fullest(roots)),
        )
        self.crew = crew

    @property
    def is_monitoring(self) -> bool:
        """Whether the roots are watched and checked on schedule."""
        return self._is_watching

    async def start_monitoring(self) -> None:
        """Watch the roots and begin the schedule, with a sweep at once. A second start does nothing."""
        if not self._is_watching:
            self._is_watching = True
            await self.watch.start()
        await self.schedule.start()

    async def stop_monitoring(self) -> None:
        """Begin no more sweeps and watch no more; what is queued is still judged. Stopping twice does nothing."""
        self.schedule.stop()
        if self._is_watching:
            self._is_watching = False
            await self.watch.stop()

    async def record(self, kind: EventKind, message: str) -> None:
        """Write an event that concerns no model."""
        event = NewEvent(self.clock.now(), kind, printable(message))
        await self.database.write(lambda db: events.append(db, [event]))
        self.feed.stirred()

    def _settled(self, path: bytes) -> None:
        root = self.watch.root_of(path)
        if root is None:
            return
        repo = hf_cache.repo_of_blob(path)
        if repo is not None and is_below(repo, root):  # nobody's file: what links to it is looked at
            self.conductor.ask_folder(root, repo)
        else:
            self.crew.start(self._enqueue_hint(root, path))

    def _appeared(self, root: bytes, folder: bytes) -> None:
        self.conductor.ask_folder(root, folder)

    async def _enqueue_hint(self, root: bytes, path: bytes) -> None:
        """A hint that finds no room becomes a sweep of its root: nothing is lost, it only takes longer."""
        if not await self.queue.put(Task(path, root, Priority.CHANGED, settled=True)):
            self.conductor.ask_folder(root, root)


@contextlib.asynccontextmanager
async def open_house(blueprint: Blueprint) -> AsyncIterator[House]:
    """Open the state, start the services, and end them in the reverse order.

    Raises:
        StoreUnusable: the state cannot be used.
    """
    async with contextlib.AsyncExitStack() as stack:
        threads = ThreadPool()
        stack.callback(threads.close)
        database = await threads.run(lambda: Database(blueprint.state, spawn))
        stack.push_async_callback(threads.run, database.close)
        houses: list[House] = []
        engine = WorkerEngine(on_lost=lambda why: _worker_lost(houses, why), concurrency=blueprint.reads_at_once)
        stack.push_async_callback(engine.close)
        crew = await stack.enter_async_context(Crew())
        house = House(blueprint, database, engine, threads, crew)
        houses.append(house)
        await database.write(lambda db: models.watch(db, blueprint.roots, [stated.id for stated in blueprint.stated]))
        for service in (house.inspector.run, house.conductor.run, house.feed.run):
            crew.start(service())
        stack.push_async_callback(house.stop_monitoring)
        yield house


def _worker_lost(houses: Sequence[House], why: str) -> None:
    told = f"the digest worker was lost and is replaced: {printable(why)}"
    for house in houses:
        house.alerter.tell(WORKER_LOST, told)
        house.crew.start(house.record(EventKind.WORKER_LOST, told))


def _fullest(roots: Sequence[bytes]) -> float | None:
    usages = [usage for usage in (disk.usage_percent(root) for root in roots) if usage is not None]
    return max(usages, default=None)
