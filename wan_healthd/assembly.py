"""The composition root: everything is made and wired here, by constructor arguments, and nowhere else."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import partial

from wan_healthd import neighbourhood
from wan_healthd.blueprint import Blueprint
from wan_healthd.checks.verdict import corruption_report
from wan_healthd.digest.engine import WorkerEngine
from wan_healthd.domain.errors import StoreUnusable
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.paths import printable
from wan_healthd.domain.ports import Clock, Threads
from wan_healthd.host import disk
from wan_healthd.host.clock import SystemClock
from wan_healthd.host.cron import ApSchedulerCron
from wan_healthd.host.files import LocalFiles
from wan_healthd.host.gpu_use import GpuUse
from wan_healthd.host.inotify import InotifyWatcher
from wan_healthd.host.probes.system import SystemProbes
from wan_healthd.hub.reach import reach as reach_hub
from wan_healthd.services.activity import Activity
from wan_healthd.services.alert import Alerter
from wan_healthd.services.atlases import Atlases
from wan_healthd.services.budget import BudgetWatch
from wan_healthd.services.claims import Claims
from wan_healthd.services.conditions import Conditions
from wan_healthd.services.conduct import INCREMENTAL, Conductor
from wan_healthd.services.crew import Crew
from wan_healthd.services.deadline import Deadline, Unanswered
from wan_healthd.services.dispatch import Dispatch
from wan_healthd.services.doctor import Doctor, Surroundings
from wan_healthd.services.downloads import MOST_FOLLOWED, Downloads
from wan_healthd.services.exposure import ExposureWatch
from wan_healthd.services.feed import Feed
from wan_healthd.services.gaps import GapTeller
from wan_healthd.services.gate import Gatekeeper
from wan_healthd.services.generations import Generations
from wan_healthd.services.good_copy import GoodCopies
from wan_healthd.services.hearing import Hearing
from wan_healthd.services.hub_word import HubWord
from wan_healthd.services.inspect import Inspector
from wan_healthd.services.jobs import Jobs
from wan_healthd.services.ledger import Ledger
from wan_healthd.services.liveness import Liveness
from wan_healthd.services.lookup import Lookup
from wan_healthd.services.loops import loops
from wan_healthd.services.overview import Overview
from wan_healthd.services.patrol import Pace, Patrol
from wan_healthd.services.pause import Pauses
from wan_healthd.services.places import Places
from wan_healthd.services.publish import Publisher
from wan_healthd.services.queue import WorkQueue
from wan_healthd.services.reach import Reach
from wan_healthd.services.reading import ContentReader
from wan_healthd.services.retelling import Retelling
from wan_healthd.services.retention import Retention
from wan_healthd.services.roots import RootKeeper
from wan_healthd.services.rounds import Rounds
from wan_healthd.services.schedule import Schedule
from wan_healthd.services.state_watch import StateWatch
from wan_healthd.services.storage import StorageWatch
from wan_healthd.services.sweep import Sweeper
from wan_healthd.services.trust import Trust
from wan_healthd.services.watch import Watch
from wan_healthd.services.worker_watch import WorkerWatch
from wan_healthd.store import events, models, partials
from wan_healthd.store.database import Database


class House:
    """All services, wired; made by `opening.open_house`, used within its `async with`."""

    def __init__(self, blueprint: Blueprint, database: Database, engine: WorkerEngine, threads: Threads, crew: Crew) -> None:
        self.blueprint = blueprint
        self.settings = blueprint.settings
        self.database = database
        self.threads = threads
        self.clock: Clock = SystemClock()
        self.activity = Activity()
        self.queue = WorkQueue()
        self._is_watching = False
        complain = blueprint.complain_unless_told
        files, roots, stated = LocalFiles(), blueprint.roots, blueprint.stated
        reach, patient, gpus = Reach(files, threads), Deadline(threads), GpuUse(self.clock)
        self.feed = Feed(self.clock, threads, corruption_report, lambda who, error: complain(f"the callback {who}", error))
        database.on_change = self.feed.stirred
        self.alerter = Alerter(blueprint.sinks, database, self.clock, self.feed, blueprint.settings.alerts)
        self.conditions = Conditions(database, self.clock, self.alerter, self.feed)
        self.ledger = Ledger(database, self.clock, self.feed)
        self.worker_watch = WorkerWatch(self.conditions, self.alerter, crew)
        word = HubWord({model.model_id: model.ref for model in blueprint.sourced})
        atlases = Atlases(database, stated, word.informed)
        self.publisher = Publisher(
            database, self.clock, self.alerter, self.feed, lambda model_id: not self.queue.holds_of(model_id)
        )
        self._dispatch = Dispatch(
            self.queue,
            crew,
            root_of=lambda path: self.watch.root_of(path),  # noqa: PLW0108 - the watch is made below, as is the conductor
            ask_folder=lambda root, folder: self.conductor.ask_folder(root, folder),  # noqa: PLW0108 - likewise
            is_watching=lambda: self._is_watching,
        )
        followed = MOST_FOLLOWED if blueprint.settings.health.corruption_detection_enabled else 0
        self.downloads = Downloads(engine=engine, files=files, threads=patient, crew=crew, most=followed)
        self.inspector = Inspector(
            queue=self.queue,
            files=files,
            threads=patient,
            hearing=Hearing(
                engine=engine,
                files=files,
                threads=patient,
                database=database,
                claims=Claims(files, patient, self.clock, blueprint.manifests, word),
                reads_content=blueprint.settings.health.corruption_detection_enabled,
            ),
            reader=ContentReader(engine, database, self.clock, self.activity, blueprint.settings.sweep.mode, self.downloads),
            database=database,
            places=Places(files, patient, database, atlases),
            publisher=self.publisher,
            clock=self.clock,
            reads_content=blueprint.settings.health.corruption_detection_enabled,
            retry_later=self._dispatch.changing.touched,
            complain=complain,
            model_appeared=lambda root, folder: self.conductor.ask_folder(root, folder),  # noqa: PLW0108 - the conductor is made below
            fell_silent=lambda root, silence: self._fell_silent(reach, root, silence),
        )
        self.sweeper = Sweeper(
            files=files,
            threads=patient,
            database=database,
            queue=self.queue,
            clock=self.clock,
            feed=self.feed,
            roots=RootKeeper(database, self.clock, self.alerter, self.feed),
            atlases=atlases,
            look_later=self._dispatch.arriving.touched,
            reach=reach,
            manifests=blueprint.manifest_places,
        )
        self.lookup = Lookup(
            client=blueprint.hub_client,
            files=files,
            threads=threads,
            database=database,
            clock=self.clock,
            word=word,
            publisher=self.publisher,
            models=blueprint.sourced,
            retell=lambda root, folder: self.conductor.retell(root, folder),  # noqa: PLW0108 - likewise
            complain=complain,
        )
        self.pauses = Pauses(self.queue, self.inspector, database, self.clock, self.feed)
        self.generations = Generations(database, self.clock, self.feed, lambda: self.pacer.changed())  # noqa: PLW0108 - likewise
        self.pacer = neighbourhood.pacer(
            blueprint,
            engine,
            self.queue,
            self.pauses,
            self.clock,
            threads,
            gpus,
            announced=lambda: self.generations.present,
            is_due=lambda: self.conductor.is_due,
        )
        self.copies = GoodCopies(blueprint.state, database, threads, self.clock, complain)
        self.conductor = Conductor(
            sweeper=self.sweeper,
            rounds=Rounds(database, self.queue),
            pauses=self.pauses,
            database=database,
            clock=self.clock,
            alerter=self.alerter,
            feed=self.feed,
            roots=roots,
            crew=crew,
            complain=complain,
            sweep_begins=self.lookup.ask,
            after_sweep=self.copies.ask,
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
            complain=complain,
        )
        self.trust = Trust(database, files, threads, self.clock, self.feed, self.jobs)
        watcher = InotifyWatcher(complain=lambda what: complain(what, None))
        self.patrol = Patrol(
            watcher=watcher,
            threads=threads,
            modes=blueprint.watch_modes,
            sweep=self.conductor.ask_folder,
            report=GapTeller(self.conditions).tell,
            complain=complain,
            pace=Pace(poll=blueprint.settings.sweep.poll_every),
        )
        self.watch = Watch(
            watcher=watcher,
            threads=threads,
            settler=self._dispatch.changing,
            retelling=Retelling(
                files=files,
                threads=threads,
                queue=self.queue,
                crew=crew,
                sweep=partial(self.conductor.ask_folder, is_retold=True),
                root_of=lambda path: self.watch.root_of(path),  # noqa: PLW0108 - likewise
                manifests=blueprint.manifest_places,
            ),
            roots=roots,
            crew=crew,
            sweep=self.conductor.ask_folder,
            patrol=self.patrol,
            is_growing=self.downloads.touched,
            has_ended=self.downloads.ended,
            get_ready=engine.get_ready,
        )
        self.state_watch = StateWatch(
            database=database, clock=self.clock, alerter=self.alerter, feed=self.feed, recovered=self._catch_up
        )
        self.retention = Retention(database, self.clock, blueprint.settings, complain)
        self.storage = StorageWatch(
            usage=lambda folder: None if reach.is_silent(folder) else disk.usage(folder),
            threads=patient,
            clock=self.clock,
            database=database,
            conditions=self.conditions,
            folders=(*roots, *(() if blueprint.state is None else (posixpath.dirname(blueprint.state),))),
            settings=blueprint.settings.health,
        )
        self.budget = BudgetWatch(database, self.conditions, blueprint.settings.sweep)
        goal = timedelta(seconds=self.settings.exposure_goal_s)
        self.exposure = ExposureWatch(database, self.clock, self.conditions, goal, self.budget)
        self.schedule = Schedule(
            cron=ApSchedulerCron(self.clock),
            clock=self.clock,
            database=database,
            conductor=self.conductor,
            settings=blueprint.settings,
            look_at_storage=lambda: self._begin("the storage sweep", self.storage.look),
            look_at_exposure=lambda: self._begin("the look at exposure", self.exposure.look),
        )
        self.overview = Overview(
            database=database,
            clock=self.clock,
            queue=self.queue,
            activity=self.activity,
            conductor=self.conductor,
            schedule=self.schedule,
            patrol=self.patrol,
            pauses=self.pauses,
            yielding=lambda: self.pacer.yielding,
            made_way=lambda: self.pacer.made_way,
            advice=lambda: self.budget.findings,
            feed=self.feed,
            storage=self.storage,
            usage_percent=lambda: self.storage.fullest_percent(roots),
            crew=crew,
        )
        self.liveness = Liveness(
            loops(
                database=database,
                queue=self.queue,
                activity=self.activity,
                patrol=self.patrol,
                schedule=self.schedule,
                worker=lambda: engine.pulses,
                is_waiting=lambda: self.pacer.is_waiting,
                crew=crew,
                hang_s=blueprint.hang_s,
            ),
            self.clock,
        )
        self.doctor = Doctor(
            probes=SystemProbes(gpus),
            threads=threads,
            clock=self.clock,
            database=database,
            reports=self.patrol.reports,
            surroundings=Surroundings(
                state=blueprint.state,
                hub=blueprint.hub,
                worker=lambda: (engine.pid, None if engine.pulses is None else engine.pulses[1], engine.confinement),
                pulses=self.liveness.look,
                reach_hub=reach_hub,
                poll_every_s=blueprint.settings.sweep.poll_every,
            ),
            crew=crew,
        )
        self.gatekeeper = Gatekeeper(
            database=database,
            files=files,
            threads=threads,
            clock=self.clock,
            crew=crew,
            reads_content=blueprint.settings.health.corruption_detection_enabled,
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
        try:
            await self.schedule.start()
        except StoreUnusable as error:  # what changes is seen all the same; the rest is made up for when it can be written
            self.blueprint.complain(f"the schedule waits for the state: {error.message}", None)
        self.lookup.ask()

    async def stop_monitoring(self) -> None:
        """Begin no more sweeps and watch no more; what is queued is still judged. Stopping twice does nothing."""
        self.schedule.stop()
        if self._is_watching:
            self._is_watching = False
            await self.watch.stop()
            self._dispatch.close()
            self.downloads.close()

    def _begin(self, what: str, look: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run a look beside everything else; the next one comes, whatever came of this."""

        async def run() -> None:
            try:
                await look()
            except StoreUnusable as error:
                self.blueprint.complain(f"{what} waits for the state: {error.message}", None)

        self.crew.start(run())

    async def record(self, kind: EventKind, message: str) -> None:
        """Write an event that concerns no model; while the state cannot be written, it is lost."""
        event = NewEvent(self.clock.now(), kind, printable(message))
        try:
            await self.database.write(lambda db: events.append(db, [event]))
        except StoreUnusable as error:
            self.blueprint.complain(f"the event {kind.value} is not recorded: {error.message}", None)
        self.feed.stirred()

    async def adopt(self) -> None:
        """Have the state know what is watched now, and take up what it knows of the models' sources.

        Raises:
            StoreUnusable: it cannot be written.
        """
        roots, stated = self.blueprint.roots, [stated.id for stated in self.blueprint.stated]
        await self.database.write(lambda db: models.watch(db, roots, stated))
        await self.database.write(lambda db: partials.watch(db, roots))
        await self.lookup.recall()

    def _catch_up(self) -> None:
        """The state can be written again: what could not be recorded meanwhile is found by looking at everything."""
        self.crew.start(self._look_again())

    async def _look_again(self) -> None:
        try:
            await self.adopt()
        except StoreUnusable as error:
            self.blueprint.complain(f"the state was not taken up again: {error.message}", None)
        if self._is_watching:
            await self.start_monitoring()
        self.conductor.ask(INCREMENTAL)

    def _fell_silent(self, reach: Reach, root: bytes, silence: Unanswered) -> None:
        reach.hangs(root, silence.pending)
        self.conductor.ask_folder(root, root)
