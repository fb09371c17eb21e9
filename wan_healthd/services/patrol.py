"""Looking after the watches: that they work, that what was lost comes back, and that what cannot be watched is polled."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct

from wan_healthd.domain.backoff import delay_s
from wan_healthd.domain.ports import Threads, Watcher
from wan_healthd.domain.watching import RootWatch, WatchMode, folders_to_poll


class Pace(Struct, frozen=True):
    """How often; seconds.

    Args:
        patrol: between two looks at the mount table.
        round: between two rounds of all roots, where nothing was mounted and nothing has to be tried again.
        retry_first, retry_most: before what could not be watched is tried again, doubled each time; at once where something
            is mounted or unmounted.
        poll: between two looks at what cannot be watched.
        patience: a root that keeps a round waiting for longer is looked at by a sweep, which tells if it does not answer.
    """

    patrol: float = 4.0
    round: float = 8.0
    retry_first: float = 1.0
    retry_most: float = 300.0
    poll: float = 300.0
    patience: float = 7.0


class _Trial(Struct, frozen=True):
    failures: int
    due: float


_AT_ONCE = _Trial(0, 0.0)


class Patrol:
    """One round after the other, as long as somebody awaits `run`; a root that does not answer holds up no other.

    Args:
        modes: the roots, each with how it is to be watched.
        sweep: called in the event loop with (root, folder) that must be looked at again.
        report: told in each round how far the watching of each root reaches.
        complain: told of errors.
        luck: 0 up to 1, so that several daemons do not retry in step.
    """

    def __init__(
        self,
        *,
        watcher: Watcher,
        threads: Threads,
        modes: Mapping[bytes, WatchMode],
        sweep: Callable[[bytes, bytes], None],
        report: Callable[[RootWatch], Awaitable[None]],
        complain: Callable[[str, BaseException], None],
        pace: Pace = Pace(),  # noqa: B008 -- frozen
        luck: Callable[[], float] = random.random,
    ) -> None:
        self._watcher = watcher
        self._threads = threads
        self._modes = dict(modes)
        self._sweep = sweep
        self._report = report
        self._complain = complain
        self._pace = pace
        self._luck = luck
        self._lost: dict[bytes, _Trial] = {}
        self._partial: dict[bytes, _Trial] = {}
        self._looks: dict[bytes, asyncio.Task[None]] = {}
        self._silent: set[bytes] = set()
        self._next_round = 0.0
        self._rounds: int | None = None

    @property
    def watched_roots(self) -> tuple[bytes, ...]:
        """The roots that shall be watched; the others are only polled."""
        return tuple(root for root, mode in self._modes.items() if mode is not WatchMode.POLL)

    @property
    def rounds(self) -> int | None:
        """How often it went round since it began; None while it does not."""
        return self._rounds

    @property
    def lost(self) -> tuple[bytes, ...]:
        """Roots that should be watched and are not."""
        return tuple(self._lost)

    def reports(self) -> tuple[tuple[RootWatch, WatchMode, tuple[bytes, ...]], ...]:
        """Of each root how far its watching reaches, how it should, and its folders that are polled. Never blocks."""
        found = ((self._watcher.report(root), mode) for root, mode in self._modes.items())
        return tuple((report, mode, self._to_poll(report, mode)) for report, mode in found)

    def has_failed(self, root: bytes) -> None:
        """Watching `root` ended or could not begin: it is tried again, ever more rarely."""
        if root in self.watched_roots and root not in self._lost:
            self._lost[root] = self._next_trial(None)

    def forget(self) -> None:
        """Nothing is watched any more."""
        for known in (self._lost, self._partial, self._looks, self._silent):
            known.clear()
        self._rounds = None

    async def run(self, begun: Callable[[], None] = lambda: None) -> None:
        """Watch all roots, go round, and poll, until cancelled.

        Args:
            begun: called once, when all roots are watched that answer in time.
        """
        async with asyncio.TaskGroup() as group:
            try:
                await self._look(group, self._begin)
            finally:
                begun()  # also if nobody wants it any more: who waits must not wait for ever
            group.create_task(self._go_round(group))
            group.create_task(self._poll())

    async def _go_round(self, group: asyncio.TaskGroup) -> None:
        self._rounds = 0
        while True:
            await asyncio.sleep(self._pace.patrol)
            self._rounds += 1
            if await self._threads.run(self._watcher.look_at_mounts):
                self._lost = dict.fromkeys(self._lost, _AT_ONCE)
            elif not self._is_time():
                continue
            self._next_round = asyncio.get_running_loop().time() + self._pace.round
            await self._look(group, self._look_after)

    def _is_time(self) -> bool:
        """Whether the roots are to be looked at: an idle daemon shall hardly ever wake up."""
        has_trials = any(self._is_due(trial) for trial in (*self._lost.values(), *self._partial.values()))
        return has_trials or asyncio.get_running_loop().time() >= self._next_round

    async def _look(self, group: asyncio.TaskGroup, look: Callable[[bytes], Awaitable[None]]) -> None:
        """At all roots at the same time; those at which a look hangs from before are left alone."""
        looks = {root: group.create_task(self._bounded(root, look)) for root in self.watched_roots if root not in self._looks}
        self._looks |= looks
        if looks:
            await asyncio.wait(looks.values(), timeout=self._pace.patience)
        for root in looks.keys() & self._looks.keys():
            self._silent.add(root)
            self._sweep(root, root)

    async def _bounded(self, root: bytes, look: Callable[[bytes], Awaitable[None]]) -> None:
        try:
            await look(root)
        except Exception as error:  # the boundary that isolates one look: the next must come whatever came of this
            self._complain("looking after the watches", error)
        finally:
            self._looks.pop(root, None)
        if root in self._silent:
            self._silent.discard(root)
            self._sweep(root, root)

    async def _begin(self, root: bytes) -> None:
        await self._threads.run(lambda: self._watcher.add_root(root))

    async def _look_after(self, root: bytes) -> None:
        await self._threads.run(lambda: self._watcher.patrol(root))
        if root in self._lost and self._is_due(self._lost[root]):
            await self._renew(root)
        report = self._watcher.report(root)
        if report.is_whole:
            self._partial.pop(root, None)
        elif root not in self._lost and self._is_due(self._partial.setdefault(root, self._next_trial(None))):
            await self._threads.run(lambda: self._watcher.fill_gaps(root))
            report = self._watcher.report(root)
            self._partial[root] = self._next_trial(self._partial.get(root))
        await self._report(report)

    async def _renew(self, root: bytes) -> None:
        await self._threads.run(lambda: self._watcher.add_root(root))
        if self._watcher.report(root).folders:
            self._lost.pop(root, None)
        else:
            self._lost[root] = self._next_trial(self._lost.get(root))
        self._sweep(root, root)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._pace.poll)
            for report, _, folders in self.reports():
                for folder in folders:
                    self._sweep(report.root, folder)

    def _to_poll(self, report: RootWatch, mode: WatchMode) -> tuple[bytes, ...]:
        return folders_to_poll(mode, report, is_lost=report.root in self._lost)

    def _is_due(self, trial: _Trial) -> bool:
        return trial.due <= asyncio.get_running_loop().time()

    def _next_trial(self, before: _Trial | None) -> _Trial:
        failures = 1 if before is None else before.failures + 1
        wait_s = delay_s(failures, first_s=self._pace.retry_first, most_s=self._pace.retry_most, luck=self._luck())
        return _Trial(failures, asyncio.get_running_loop().time() + wait_s)
