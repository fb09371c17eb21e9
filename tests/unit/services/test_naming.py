"""Ids that collide: the first model keeps its own, others take their place along, and nobody's changes later."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop, workshop
from tests.unit.services.scenario import play
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.services.orders import Order
from wan_healthd.services.queue import Priority, Task, Ticket
from wan_healthd.store import models

SMALL = sample(3, 4000, 2)
COMMIT = "a" * 40


@contextlib.asynccontextmanager
async def two_roots(top: Path, *, watches: tuple[str, ...] = ("root", "two")) -> AsyncIterator[Workshop]:
    async with workshop(top, state=os.fsencode(top / "state.db")) as shop:
        (top / "two").mkdir(exist_ok=True)
        await shop.database.write(lambda db: models.watch(db, [os.fsencode(top / name) for name in watches], []))
        yield shop


async def swept(shop: Workshop, top: Path, *names: str) -> list[str]:
    for name in names:
        root, ticket = os.fsencode(top / name), Ticket()
        await shop.sweeper.sweep(root, root, Order(Priority.DUE), ticket)
        await ticket.wait()
    return await shop.model_ids()


def fill(root: Path) -> None:
    for name in ("x.safetensors", "flux/w.safetensors", "flux/vae/v.safetensors"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(SMALL)


def repository(top: Path, cache: str) -> None:
    repo = top / cache / "models--Org--Name"
    for name, content in (("blobs/one", SMALL), ("refs/main", COMMIT.encode())):
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_bytes(content)
    (repo / "snapshots" / COMMIT).mkdir(parents=True)
    (repo / "snapshots" / COMMIT / "w.safetensors").symlink_to("../../blobs/one")


def test_the_same_paths_below_two_roots(tmp_path: Path) -> None:
    two = f"@{tmp_path}/two"
    expected = ["flux", f"flux{two}", "x.safetensors", f"x.safetensors{two}"]

    async def live(*order: str) -> None:
        async with two_roots(tmp_path) as shop:
            fill(tmp_path / "root")
            fill(tmp_path / "two")
            for _ in range(2):
                assert await swept(shop, tmp_path, *order) == expected
            assert [event.message for event in await shop.events() if event.kind == "model-forgotten"] == []
            for model_id in expected:
                assert (await shop.result(model_id)).health_status is HealthStatus.HEALTHY
            files = await shop.database.read(lambda db: models.file_paths(db, f"flux{two}"))
            assert files == tuple(os.fsencode(tmp_path / "two/flux" / name) for name in ("vae/v.safetensors", "w.safetensors"))

    asyncio.run(live("root", "two"))
    asyncio.run(live("two", "root"))  # after a restart, by whatever order


def test_a_hint_gets_the_same_id_as_a_sweep(tmp_path: Path) -> None:
    async def live() -> None:
        async with two_roots(tmp_path) as shop:
            fill(tmp_path / "root")
            await swept(shop, tmp_path, "root")
            fill(tmp_path / "two")
            ticket = Ticket()
            for name in ("x.safetensors", "flux/vae/v.safetensors"):
                path = os.fsencode(tmp_path / "two" / name)
                await shop.queue.put(Task(path, os.fsencode(tmp_path / "two"), Priority.CHANGED), ticket)
            await ticket.wait()
            two = f"@{tmp_path}/two"
            assert await shop.model_ids() == ["flux", f"flux{two}", "x.safetensors", f"x.safetensors{two}"]

    asyncio.run(live())


def test_an_id_is_free_again_where_its_root_is_watched_no_more(tmp_path: Path) -> None:
    async def live() -> None:
        async with two_roots(tmp_path) as shop:
            fill(tmp_path / "root")
            await swept(shop, tmp_path, "root")
        async with two_roots(tmp_path, watches=("two",)) as shop:
            fill(tmp_path / "two")
            assert await swept(shop, tmp_path, "two") == ["flux", "x.safetensors"]
            files = await shop.database.read(lambda db: models.file_paths(db, "x.safetensors"))
            assert files == (os.fsencode(tmp_path / "two/x.safetensors"),)
        async with two_roots(tmp_path) as shop:
            one = f"@{tmp_path}/root"
            assert await swept(shop, tmp_path, "root", "two") == ["flux", f"flux{one}", "x.safetensors", f"x.safetensors{one}"]

    asyncio.run(live())


def test_the_same_repository_in_two_caches(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        repository(tmp_path / "root", "a")
        await shop.sweep()
        repository(tmp_path / "root", "b")
        for _ in range(2):
            await shop.sweep()
            assert await shop.model_ids() == ["Org/Name", "Org/Name@b"]
        assert await shop.database.read(lambda db: len(models.file_paths(db, "Org/Name"))) == 1
        assert await shop.database.read(lambda db: len(models.file_paths(db, "Org/Name@b"))) == 1

    play(tmp_path, scenario)


def test_an_id_that_is_stated_for_another_path(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        fill(tmp_path / "root")
        os.makedirs(shop.path("other"))
        shop.put("other/w.safetensors", SMALL)
        for _ in range(3):
            await shop.sweep()
            assert await shop.model_ids() == ["flux", "flux@flux", "x.safetensors"]
        assert await shop.database.read(lambda db: models.file_paths(db, "flux")) == (shop.path("other/w.safetensors"),)

    play(tmp_path, scenario, stated=[("flux", "other")])
