"""The doctor: has everything probed at the same time, each with a deadline, and tells what is wrong and how it is cured."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from wan_healthd.checks.doctor import disks, gpus, outside, process, roots, state, watching, worker
from wan_healthd.checks.doctor.watching import Watched
from wan_healthd.domain.confinement import Confinement
from wan_healthd.domain.doctor import Diagnosis, problem
from wan_healthd.domain.hub import HubAccess
from wan_healthd.domain.ports import Clock, Threads
from wan_healthd.domain.pulses import Pulse
from wan_healthd.domain.vitals import HubReach, InotifyLimits, Probes, ProcessFacts, RootFacts, StateFacts
from wan_healthd.domain.watching import RootWatch, WatchMode
from wan_healthd.services.crew import Crew
from wan_healthd.services.deadline import Deadline, Unanswered
from wan_healthd.services.shared import Shared
from wan_healthd.store.database import Database
from wan_healthd.store.examination import Examination, Examined
from wan_healthd.version import __version__

T = TypeVar("T")

LIMIT_S = 6.0
"""Longer than the thread pool takes to give up a thread that hangs (5 s), so that a dead mount spoils no other answer."""

MOST_ROOTS = 64

Report = tuple[RootWatch, WatchMode, tuple[bytes, ...]]
"""How far the watching of a root reaches, how it should, and its folders that are polled."""


class Surroundings(Struct, frozen=True):
    """What the doctor asks of the house beside the probes.

    Args:
        state: path of the database; None where it is in memory.
        hub: how the hub may be asked; None: not at all.
        worker: its process id, how many pings it answered, and what confines it.
        pulses: of the loops that do the work.
        poll_every_s: between two looks at what cannot be watched.
    """

    state: bytes | None
    hub: HubAccess | None
    worker: Callable[[], tuple[int | None, int | None, Confinement | None]]
    pulses: Callable[[], Sequence[Pulse]]
    reach_hub: Callable[[HubAccess], Awaitable[HubReach]]
    poll_every_s: float


class Doctor:
    """Looks when asked. A probe that hangs is not made again as long as it does.

    Args:
        reports: one of each root.
        limit_s: see LIMIT_S.
    """

    def __init__(
        self,
        *,
        probes: Probes,
        threads: Threads,
        clock: Clock,
        database: Database,
        reports: Callable[[], Sequence[Report]],
        surroundings: Surroundings,
        crew: Crew,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._probes = probes
        self._threads = Deadline(threads, limit_s)
        self._clock = clock
        self._database = database
        self._reports = reports
        self._around = surroundings
        self._limit_s = limit_s
        self._hanging: dict[str, asyncio.Future[Any]] = {}
        self._offline = Shared(lambda: self._examine(network=False), crew)
        self._online = Shared(lambda: self._examine(network=True), crew)

    async def examine(self, *, network: bool) -> tuple[Diagnosis, ...]:
        """Everything that can be told from within the daemon; `network`: also whether the hub answers.

        It takes some work, so those who ask at the same time get the same answer.
        """
        return await (self._online if network else self._offline).get()

    async def _examine(self, *, network: bool) -> tuple[Diagnosis, ...]:
        watched = tuple(Watched(report, mode, polled, self._around.poll_every_s) for report, mode, polled in self._reports())[
            :MOST_ROOTS
        ]
        own = await self._ask("process", self._probes.process)
        parts = await asyncio.gather(
            self._on_roots(watched, own),
            self._on_inotify(watched),
            self._on_state(),
            self._on_gpu(),
            self._on_hub(network=network),
        )
        of_process = (self._silent("process"),) if own is None else tuple(process.check(own, __version__))
        of_work = (worker.check(*self._around.worker()), worker.loops(self._around.pulses()))
        return tuple(diagnosis for part in (*parts, of_process, of_work) for diagnosis in part)

    async def _on_roots(self, watched: Sequence[Watched], own: ProcessFacts | None) -> tuple[Diagnosis, ...]:
        found = await asyncio.gather(*(self._on_root(item.report.root, own) for item in watched))
        # How what cannot be reached is watched, is no news.
        reached = [item for item, part in zip(watched, found, strict=True) if len(part) > 1]
        return (*(diagnosis for part in found for diagnosis in part), *watching.roots(reached))

    async def _on_root(self, root: bytes, own: ProcessFacts | None) -> tuple[Diagnosis, ...]:
        facts: RootFacts | None = await self._ask(f"root {root!r}", lambda: self._probes.root(root))
        if facts is None:
            return (roots.unanswered(root, self._limit_s),)
        user = "the daemon" if own is None else own.user
        rights = () if own is None else tuple(roots.rights(facts, own))
        return (roots.check(facts, user), *disks.check(facts), *rights)

    async def _on_inotify(self, watched: Sequence[Watched]) -> tuple[Diagnosis, ...]:
        found: InotifyLimits | None = await self._ask("inotify", self._probes.inotify)
        return (self._silent(watching.INOTIFY) if found is None else watching.limits(found, watched),)

    async def _on_state(self) -> tuple[Diagnosis, ...]:
        """The state, and the clock, which is judged by it, too."""
        time = await self._ask("clock", self._probes.clock)
        file, seen = self._around.state, Examined(None)
        told: tuple[Diagnosis, ...] = ()
        if file is not None:
            examination = Examination(file)
            looked, facts = await asyncio.gather(
                self._ask("state content", examination.make, examination.cancel),
                self._ask("state", lambda: self._probes.state(file)),
            )
            seen = looked or seen
            told = (
                *((self._silent("state"),) if facts is None or looked is None else self._of_state(facts, looked)),
                *state.unwatched(seen.unwatched),
            )
        of_clock = self._silent(outside.CLOCK) if time is None else outside.clock(time, seen.newest_event_at)
        return (*told, of_clock)

    def _of_state(self, facts: StateFacts, looked: Examined) -> Iterable[Diagnosis]:
        trouble = self._database.standing.trouble
        if trouble is not None:
            yield problem("state-writing", f"the state cannot be written: {trouble.cause}", trouble.cure)
        whole = replace(facts, fault=looked.fault, good_copy_at=looked.good_copy_at, newest_event_at=looked.newest_event_at)
        yield from state.check(whole, self._clock.now())

    async def _on_gpu(self) -> tuple[Diagnosis, ...]:
        found = await self._ask("gpu", self._probes.gpu)
        return (self._silent(gpus.GPU) if found is None else gpus.check(found),)

    async def _on_hub(self, *, network: bool) -> tuple[Diagnosis, ...]:
        access = self._around.hub
        reach = await self._around.reach_hub(access) if network and access is not None and not access.is_offline else None
        return outside.credentials(access), outside.hub(access, reach)

    async def _ask(self, name: str, call: Callable[[], T], cancel: Callable[[], None] = lambda: None) -> T | None:
        """The probe's answer; None where there is none in time, or the system refuses to tell."""
        pending = self._hanging.get(name)
        if pending is not None and not pending.done():
            return None
        try:
            return await self._threads.run(call)
        except Unanswered as silence:
            cancel()
            self._hanging[name] = silence.pending
            return None
        except OSError:
            return None

    def _silent(self, check: str) -> Diagnosis:
        return problem(
            check,
            f"no answer within {self._limit_s:g} s, or the system refuses to tell",
            "see what the kernel says (`journalctl -k`), and which processes hang (`ps -eo pid,stat,wchan,comm | grep ' D'`)",
        )
