"""Sources that appear, change and go: what they speak of is judged again at once, and not a byte of it is read."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import play
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.host.threads import ThreadPool
from wan_healthd.services.orders import Order
from wan_healthd.services.queue import CAPACITY, Priority, Task, Ticket
from wan_healthd.services.retelling import Retelling

SMALL = sample(3, 4000, 2)
OTHER = sample(4, 4000, 2)
FILE, DEEP = "flux/a.safetensors", "flux/deep/b.safetensors"
QUIET_S = 0.02
PATIENCE_S = 10.0


class Desk:
    """A retelling over a workshop, told of sources as the watcher tells."""

    def __init__(self, shop: Workshop, threads: ThreadPool, manifests: Mapping[str, str]) -> None:
        self.shop = shop
        self.swept: list[bytes] = []
        self.retelling = Retelling(
            files=shop.files,
            threads=threads,
            queue=shop.queue,
            crew=shop.crew,
            sweep=self._sweep,
            root_of=lambda path: shop.root if path.startswith(shop.root) else None,
            manifests={shop.path(place): shop.path(model) for place, model in manifests.items()},
            quiet_s=QUIET_S,
        )

    def _sweep(self, root: bytes, folder: bytes) -> None:
        self.swept.append(folder)
        self.shop.conductor.ask_folder(root, folder, is_retold=True)

    def put(self, name: str, content: bytes | str) -> None:
        self.shop.put(name, content if isinstance(content, bytes) else content.encode())
        self.retelling.source_changed(self.shop.path(name), is_finished=True)

    def remove(self, name: str) -> None:
        os.unlink(self.shop.path(name))
        self.retelling.source_changed(self.shop.path(name), is_finished=True)

    async def until_codes(self, name: str, *codes: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await self.shop.codes(name) != list(codes):
                await asyncio.sleep(0.005)

    async def until_verified(self, name: str, by: VerifiedBy) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await self.verified_by(name) is not by:
                await asyncio.sleep(0.005)

    async def verified_by(self, name: str) -> VerifiedBy | None:
        state = await self.shop.state(name)
        return None if state is None or state.expected is None else state.expected.expectation.source


def desk(
    folder: Path,
    scenario: Callable[[Desk], Awaitable[None]],
    *,
    manifests: Mapping[str, str] | None = None,
    lanes: bool = True,
    stated: tuple[tuple[str, str], ...] = (),
) -> None:
    async def inside(shop: Workshop) -> None:
        async with opened(shop, manifests or {}) as made:
            if lanes:
                shop.crew.start(shop.conductor.run())
            await scenario(made)

    play(folder, inside, lanes=lanes, stated=stated)


@asynccontextmanager
async def opened(shop: Workshop, manifests: Mapping[str, str]) -> AsyncIterator[Desk]:
    threads = ThreadPool()
    made = Desk(shop, threads, manifests)
    try:
        yield made
    finally:
        made.retelling.close()
        threads.close()


def sums(*files: tuple[str, bytes]) -> str:
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files)


async def know(here: Desk) -> int:
    """Have two files judged; returns the bytes that were read for it."""
    here.shop.put(FILE, SMALL)
    here.shop.put(DEEP, SMALL)
    await here.shop.sweep()
    return here.shop.activity.bytes_read


def test_a_sidecar_that_appears_changes_and_goes(tmp_path: Path) -> None:
    async def scenario(here: Desk) -> None:
        read = await know(here)
        here.put(f"{FILE}.sha256", sums(("a.safetensors", OTHER)))
        await here.until_codes(FILE, "checksum-mismatch")
        here.put(f"{FILE}.sha256", sums(("a.safetensors", SMALL)))
        await here.until_codes(FILE)
        assert await here.verified_by(FILE) is VerifiedBy.SIDECAR
        here.put(f"{FILE}.sha256", sums(("a.safetensors", OTHER)))
        await here.until_codes(FILE, "checksum-mismatch")
        here.remove(f"{FILE}.sha256")
        await here.until_codes(FILE)
        assert here.shop.activity.bytes_read == read
        assert here.swept == [], "one file is no reason to walk a folder"

    desk(tmp_path, scenario)


@pytest.mark.parametrize("name", ["SHA256SUMS", "flux/checksums.sha256"])
def test_a_list_wakes_everything_below_it(tmp_path: Path, name: str) -> None:
    async def scenario(here: Desk) -> None:
        read = await know(here)
        below = os.path.dirname(name)
        names = [os.path.relpath(file, below or ".") for file in (FILE, DEEP)]
        here.put(name, sums((names[0], SMALL), (names[1], OTHER)))
        await here.until_codes(DEEP, "checksum-mismatch")
        await here.until_verified(FILE, VerifiedBy.SIDECAR)
        here.remove(name)
        await here.until_codes(DEEP)
        assert here.shop.activity.bytes_read == read

    desk(tmp_path, scenario)


def test_a_list_that_is_written_line_by_line_is_one_sweep(tmp_path: Path) -> None:
    async def scenario(here: Desk) -> None:
        await know(here)
        for count in range(200):
            here.put("flux/SHA256SUMS", sums(*[("a.safetensors", SMALL)] * (1 + count % 3)))
            await asyncio.sleep(0)
        assert here.swept == []
        await here.until_verified(FILE, VerifiedBy.SIDECAR)
        assert here.swept == [here.shop.path("flux")]

    desk(tmp_path, scenario)


def test_what_says_nothing_new_is_no_event(tmp_path: Path) -> None:
    async def scenario(here: Desk) -> None:
        await know(here)
        before = await here.shop.told()
        here.put(f"{FILE}.sha256", sums(("a.safetensors", SMALL)))
        await here.until_verified(FILE, VerifiedBy.SIDECAR)
        here.put("SHA256SUMS", sums((DEEP, SMALL)))
        await here.until_verified(DEEP, VerifiedBy.SIDECAR)
        assert await here.shop.told() == before
        assert here.shop.sink.alerts == []

    desk(tmp_path, scenario)


def test_a_note_beside_its_file_that_waits_is_one_task(tmp_path: Path) -> None:
    async def scenario(here: Desk) -> None:
        path = here.shop.put("flux/w.bin", SMALL)
        await here.shop.queue.put(Task(path, here.shop.root, Priority.CHANGED, settled=True))
        for _ in range(100):
            here.put("flux/.cache/huggingface/download/w.bin.metadata", f"{'1' * 40}\n{'2' * 40}\n1700000000.0\n")
        await asyncio.sleep(0.05)
        assert len(here.shop.queue) == 1
        task = await here.shop.queue.get(urgent_only=True)
        assert (task.priority, task.settled) == (Priority.CHANGED, True)

    desk(tmp_path, scenario, lanes=False)


def test_what_was_never_read_takes_no_lane_from_what_only_listens(tmp_path: Path) -> None:
    async def scenario(here: Desk) -> None:
        shop = here.shop
        lanes = shop.crew.start(shop.inspector.run())
        await know(here)
        lanes.cancel()
        shop.put("flux/new.safetensors", SMALL)
        shop.put(DEEP, OTHER)
        await shop.sweeper.sweep(shop.root, shop.path("flux"), Order(Priority.RETOLD), Ticket())
        tasks = [await shop.queue.get(urgent_only=False) for _ in range(len(shop.queue))]
        assert {task.path: task.priority for task in tasks} == {
            shop.path(FILE): Priority.RETOLD,
            shop.path(DEEP): Priority.NEW,
            shop.path("flux/new.safetensors"): Priority.NEW,
        }

    desk(tmp_path, scenario, lanes=False)


def test_a_manifest_wakes_its_model_be_it_a_folder_or_a_file(tmp_path: Path) -> None:
    async def scenario(here: Desk) -> None:
        here.put("SUMS", "{}")
        here.put("flux/SUMS", "{}")
        await asyncio.sleep(0.1)
        assert here.swept == [here.shop.path("flux")]
        task = await here.shop.queue.get(urgent_only=True)
        assert (task.path, task.priority) == (here.shop.path("one.safetensors"), Priority.RETOLD)

    desk(tmp_path, scenario, manifests={"SUMS": "one.safetensors", "flux/SUMS": "flux"}, lanes=False)


@pytest.mark.parametrize(
    "source",
    [".git/a.safetensors.sha256", ".git/SHA256SUMS", "a.part.sha256", "absent.safetensors.sha256", "nowhere/SHA256SUMS"],
)
def test_sources_of_nothing_lead_nowhere(tmp_path: Path, source: str) -> None:
    async def scenario(here: Desk) -> None:
        here.retelling.source_changed(here.shop.path(source), is_finished=True)
        here.retelling.source_changed(b"/elsewhere/SHA256SUMS", is_finished=True)
        here.retelling.source_changed(b"/elsewhere/a.bin.sha256", is_finished=True)
        await asyncio.sleep(0.1)
        assert (here.swept, await here.shop.model_ids()) == ([], [])

    desk(tmp_path, scenario)


def test_a_folder_with_a_sidecar_is_no_file(tmp_path: Path) -> None:
    async def scenario(here: Desk) -> None:
        os.makedirs(here.shop.path("wan"))
        os.makedirs(here.shop.path("odd.safetensors"))
        for name in ("wan", "odd.safetensors"):
            here.put(f"{name}.sha256", sums((name, SMALL)))
        await asyncio.sleep(0.1)
        assert await here.shop.model_ids() == []

    desk(tmp_path, scenario, stated=(("wan", "wan"),))


def test_a_folder_of_notes_that_appears_as_a_whole(tmp_path: Path) -> None:
    async def scenario(here: Desk) -> None:
        await know(here)
        for name in ("flux/.cache", "flux/.cache/huggingface", "flux/.cache/huggingface/trees", "flux/deep"):
            here.retelling.folder_changed(here.shop.path(name))
        await asyncio.sleep(0.1)
        assert here.swept == [here.shop.path("flux")]

    desk(tmp_path, scenario)


def test_where_there_is_no_room_a_sweep_waits_for_it(tmp_path: Path) -> None:
    async def scenario(here: Desk) -> None:
        here.shop.put(FILE, SMALL)
        for number in range(CAPACITY):
            await here.shop.queue.put(Task(b"/%d" % number, here.shop.root, Priority.DUE))
        here.put(f"{FILE}.sha256", sums(("a.safetensors", SMALL)))
        await asyncio.sleep(0.05)
        assert here.swept == [here.shop.path("flux")]

    desk(tmp_path, scenario, lanes=False)
