"""A file system that falls silent in the middle: its root is lost, nothing of it is missing, and nobody waits for it again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Iterable
from pathlib import Path

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import play
from wan_healthd.domain.events import EventKind
from wan_healthd.domain.files import Fingerprint
from wan_healthd.domain.ports import OpenedFile
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.host.files import LocalFiles
from wan_healthd.services.claims import Claims
from wan_healthd.services.deadline import Deadline, Unanswered
from wan_healthd.services.hearing import Hearing
from wan_healthd.services.inspect import Inspector
from wan_healthd.services.orders import Order
from wan_healthd.services.places import Places
from wan_healthd.services.queue import Priority, Task, Ticket, WorkQueue
from wan_healthd.services.reach import Reach
from wan_healthd.services.roots import RootKeeper
from wan_healthd.services.sweep import Sweeper

SHORT_S = 0.05
Told = tuple[bytes, asyncio.Future[OpenedFile]]
SMALL = sample(3, 4000, 2)


class SilentFiles(LocalFiles):
    """As long as there is no `answer`, what is asked about `silent` hangs."""

    def __init__(self, silent: bytes) -> None:
        super().__init__()
        self._silent = silent
        self.answer = threading.Event()
        self.asked = 0

    def fingerprints(self, root: bytes, folders: Iterable[bytes]) -> Generator[Fingerprint, None, None]:
        for path in folders:
            self._ask(path)
            yield from super().fingerprints(root, [path])

    def open(self, root: bytes, path: bytes) -> OpenedFile:
        self._ask(path)
        return super().open(root, path)

    def _ask(self, path: bytes) -> None:
        if path == self._silent:
            self.asked += 1
            self.answer.wait(10)


def sweeper_of(shop: Workshop, files: LocalFiles, reach: Reach) -> Sweeper:
    return Sweeper(
        files=files,
        threads=Deadline(shop.threads, SHORT_S),
        database=shop.database,
        queue=shop.queue,
        clock=shop.clock,
        feed=shop.feed,
        roots=RootKeeper(shop.database, shop.clock, shop.alerter, shop.feed),
        atlases=shop.atlases,
        reach=reach,
    )


async def root_events(shop: Workshop) -> list[EventKind]:
    kinds = [event.kind for event in await shop.events()]
    return [kind for kind in kinds if kind in (EventKind.ROOT_LOST, EventKind.ROOT_RETURNED)]


def test_a_walk_that_hangs_is_given_up_and_its_root_is_lost(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("flux/w.safetensors", SMALL)
        shop.put("wan/vae/v.safetensors", SMALL)
        await shop.sweep()
        files = SilentFiles(shop.path("wan/vae"))
        reach = Reach(files, shop.threads)
        sweeper, order = sweeper_of(shop, files, reach), Order(Priority.DUE)
        for _ in range(3):
            await sweeper.sweep(shop.root, shop.root, order, Ticket())
        await sweeper.sweep_file(shop.root, shop.path("flux/w.safetensors"), order, Ticket())
        assert (files.asked, len(shop.queue)) == (1, 0), "as long as one call hangs, no other is made"
        assert await root_events(shop) == [EventKind.ROOT_LOST]
        result = await shop.result("flux")
        assert result.health_status is HealthStatus.UNKNOWN
        assert "does not answer" in result.issues[0].message
        files.answer.set()
        while reach.is_silent(shop.root):
            await asyncio.sleep(0.01)
        await sweeper.sweep(shop.root, shop.root, order, Ticket())
        assert await root_events(shop) == [EventKind.ROOT_LOST, EventKind.ROOT_RETURNED]
        assert (await shop.result("flux")).health_status is HealthStatus.HEALTHY
        files.close()

    play(tmp_path, scenario)


def test_a_file_that_hangs_is_not_judged_and_told(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("a.safetensors", SMALL)
        shop.put("b.safetensors", SMALL)
        await shop.sweep()
        before = len(await shop.events())
        files, told, queue, ticket = SilentFiles(shop.path("a.safetensors")), list[Told](), WorkQueue(), Ticket()
        inspector = inspector_of(shop, files, queue, told)
        for name in ("a.safetensors", "b.safetensors"):
            await queue.put(Task(shop.path(name), shop.root, Priority.REQUESTED, (name,)), ticket)
        lanes = asyncio.ensure_future(inspector.run())
        await asyncio.wait_for(ticket.wait(), 5)
        ((root, late),) = told
        assert root == shop.root
        assert len(await shop.events()) == before
        assert shop.complaints == []
        files.answer.set()
        await late  # what it opened at last is closed again before we go on
        lanes.cancel()
        await asyncio.wait([lanes])
        files.close()

    play(tmp_path, scenario)


def inspector_of(shop: Workshop, files: LocalFiles, queue: WorkQueue, told: list[Told]) -> Inspector:
    threads = Deadline(shop.threads, SHORT_S)

    def fell_silent(root: bytes, silence: Unanswered) -> None:
        assert not silence.pending.done()
        told.append((root, silence.pending))

    return Inspector(
        queue=queue,
        files=files,
        threads=threads,
        hearing=Hearing(
            engine=shop.engine,
            files=files,
            threads=threads,
            database=shop.database,
            claims=Claims(files, threads, shop.clock, {}),
            reads_content=True,
        ),
        reader=shop.reader,
        database=shop.database,
        places=Places(files, threads, shop.database, shop.atlases),
        publisher=shop.publisher,
        clock=shop.clock,
        reads_content=True,
        retry_later=lambda path, quiet_s: shop.retries.append(path),
        complain=shop.complain,
        fell_silent=fell_silent,
    )
