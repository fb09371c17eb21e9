"""Sweeps that pass by: which folders need no visit, and what makes each of them need one again."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop, workshop
from tests.support.damage import edit, flip_bit
from tests.unit.services.scenario import play
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.files import Listing
from wan_healthd.domain.models import Layout, Model
from wan_healthd.host.files import LocalFiles
from wan_healthd.services.orders import Order
from wan_healthd.services.queue import Priority, Ticket
from wan_healthd.services.roots import RootKeeper
from wan_healthd.services.roster import enroll
from wan_healthd.services.sweep import Sweeper
from wan_healthd.store import folders, models, paths

SMALL = sample(3, 4000, 2)
OTHER = sample(4, 4000, 2)
COMMIT = "a" * 40
TICK_S = 0.012


class CountingFiles(LocalFiles):
    """Remembers which folders were listed."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: list[bytes] = []

    def list_folder(self, root: bytes, path: bytes) -> Listing:
        self.listed.append(path)
        return super().list_folder(root, path)


async def visited(shop: Workshop, order: Order | None = None, folder: str | None = None) -> set[str]:
    """Sweep and judge; which folders were visited, relative to the root ("" is the root itself)."""
    files = CountingFiles()
    sweeper = Sweeper(
        files=files,
        threads=shop.threads,
        database=shop.database,
        queue=shop.queue,
        clock=shop.clock,
        feed=shop.feed,
        roots=RootKeeper(shop.database, shop.clock, shop.alerter, shop.feed),
        atlases=shop.atlases,
    )
    ticket = Ticket()
    place = shop.root if folder is None else shop.path(folder)
    await sweeper.sweep(shop.root, place, order or Order(Priority.DUE), ticket)
    await ticket.wait()
    files.close()
    time.sleep(TICK_S)  # whatever comes now shows in the time stamps
    files.listed.remove(shop.root)  # whether it can be reached
    return {os.fsdecode(path[len(shop.root) + 1 :]) for path in files.listed}


async def at_rest(shop: Workshop) -> None:
    """Everything was judged and settled, and it is ten seconds later."""
    shop.clock.jump((datetime.now(UTC) - shop.clock.now()).total_seconds() + 10)
    for _ in range(3):
        await visited(shop)
    assert await visited(shop) == set()


def tree(shop: Workshop) -> None:
    shop.put("flux/w.safetensors", SMALL)
    shop.put("flux/config.json", b'{"a": 1}')
    shop.put("flux/vae/v.safetensors", SMALL)
    shop.put("loras/a.safetensors", SMALL)
    shop.put("loras/b.safetensors", SMALL)
    shop.put("loras/notes.md", b"x")


def test_what_is_at_rest_is_passed_by(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        tree(shop)
        await at_rest(shop)
        found = await shop.sweep()
        assert (found.unclaimed, found.unclaimed_count) == ([], 1), "counted still"

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    "order",
    [Order(Priority.REQUESTED), Order(Priority.RETOLD), Order(Priority.DUE, full=True), Order(Priority.DUE, thorough=True)],
)
def test_not_by_these_orders(tmp_path: Path, order: Order) -> None:
    async def scenario(shop: Workshop) -> None:
        tree(shop)
        await at_rest(shop)
        assert await visited(shop, order) == {"", "flux", "flux/vae", "loras"}
        assert await visited(shop) == set(), "and what was known stays so"

    play(tmp_path, scenario)


def test_only_what_changed_is_visited(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        tree(shop)
        await at_rest(shop)
        shop.put("flux/vae/v.safetensors", OTHER)
        assert await visited(shop) == {"", "flux", "flux/vae"}, "what is above says what it belongs to, and is only listed"
        assert await shop.codes("flux/vae/v.safetensors") == ["checksum-mismatch"]
        assert "flux/vae" in await visited(shop), "its finding is to be confirmed"

    play(tmp_path, scenario)


def test_a_time_that_was_put_back_hides_nothing(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        tree(shop)
        await at_rest(shop)
        path = shop.path("loras/a.safetensors")
        before = os.stat(path)
        with open(path, "r+b") as file:
            file.write(OTHER)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        await visited(shop)
        assert await shop.codes("loras/a.safetensors") == ["checksum-mismatch"]

    play(tmp_path, scenario)


def test_what_changed_just_now_may_change_again(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        tree(shop)
        shop.clock.jump((datetime.now(UTC) - shop.clock.now()).total_seconds())
        for _ in range(3):
            assert await visited(shop) == {"", "flux", "flux/vae", "loras"}
        shop.clock.jump(-timedelta(days=400).total_seconds())
        assert await visited(shop) == {"", "flux", "flux/vae", "loras"}, "nor is a time in the future any proof"

    play(tmp_path, scenario)


def test_a_finding_without_any_change_of_the_folder(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        tree(shop)
        await at_rest(shop)
        path = shop.path("loras/a.safetensors")
        shop.fake.unreadable[os.stat(path).st_ino] = (ByteRange(0, 512),)
        shop.clock.advance(60)
        await shop.judge("loras/a.safetensors", full=True)
        assert await shop.codes("loras/a.safetensors") != []
        assert await visited(shop) == {"", "loras"}

    play(tmp_path, scenario)


async def forgotten(shop: Workshop) -> None:
    await shop.database.write(lambda db: models.forget(db, ["loras/a.safetensors"]))


async def unjudged(shop: Workshop) -> None:
    await shop.database.write(lambda db: db.execute("UPDATE path SET judged_at = NULL WHERE folder = ?", (shop.path("loras"),)))


async def missed(shop: Workshop) -> None:
    await shop.database.write(lambda db: paths.need(db, [shop.path("loras/a.safetensors")]))


async def path_gone(shop: Workshop) -> None:
    known = await shop.state("loras/a.safetensors")
    assert known is not None
    await shop.database.write(lambda db: paths.forget(db, known.record.id))


@pytest.mark.parametrize("change", [forgotten, unjudged, missed, path_gone])
def test_what_the_store_says_anew_makes_a_visit(tmp_path: Path, change: Callable[[Workshop], Awaitable[None]]) -> None:
    async def scenario(shop: Workshop) -> None:
        tree(shop)
        await at_rest(shop)
        await change(shop)
        assert await visited(shop) == {"", "loras"}
        await visited(shop)
        assert await visited(shop) == set()
        assert "loras/a.safetensors" in await shop.model_ids()

    play(tmp_path, scenario)


def test_another_ground_above(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put("wan/vae/x/v.safetensors", SMALL)
        shop.put("wan/other.safetensors", SMALL)
        shop.put("wan/another.safetensors", SMALL)
        await at_rest(shop)
        assert "wan/vae/x" in await shop.model_ids()
        shop.put("wan/model_index.json", b'{"a": 1}')
        assert await visited(shop) == {"", "wan", "wan/vae", "wan/vae/x"}
        assert await shop.model_ids() == ["wan"], "what lies below belongs to it now"

    play(tmp_path, scenario)


def test_a_folder_that_is_remembered_as_a_model(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        tree(shop)
        await at_rest(shop)
        model = Model("loras", Layout.FOLDER, shop.path("loras"), shop.root, stated=True)
        await shop.database.write(lambda db: enroll(db, model, [], shop.clock.now()))
        assert await visited(shop) == {"", "loras"}

    play(tmp_path, scenario)


def test_another_configuration(tmp_path: Path) -> None:
    async def live(stated: tuple[tuple[str, str], ...], expected: set[str]) -> None:
        async with workshop(tmp_path, stated, state=os.fsencode(tmp_path / "state.db")) as shop:
            if not stated:
                tree(shop)
                await at_rest(shop)
            shop.clock.jump((datetime.now(UTC) - shop.clock.now()).total_seconds() + 10)
            assert await visited(shop) == expected

    asyncio.run(live((), set()))
    asyncio.run(live((("mine", "loras"),), {"", "flux", "flux/vae", "loras"}))


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    async def live(*, is_first: bool) -> None:
        async with workshop(tmp_path, state=os.fsencode(tmp_path / "state.db")) as shop:
            if is_first:
                tree(shop)
                await at_rest(shop)
            assert await visited(shop) == set()

    asyncio.run(live(is_first=True))
    asyncio.run(live(is_first=False))


def test_the_main_branch_and_the_payload_of_a_cached_repository(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        repo = "models--Org--Name"
        shop.put(f"{repo}/blobs/one", SMALL)
        shop.put(f"{repo}/refs/main", COMMIT.encode())
        for commit in (COMMIT, "b" * 40):
            os.makedirs(shop.path(f"{repo}/snapshots/{commit}"))
            os.symlink("../../blobs/one", shop.path(f"{repo}/snapshots/{commit}/w.safetensors"))
        await at_rest(shop)
        assert await shop.model_ids() == ["Org/Name", "Org/Name@" + "b" * 40]
        with open(shop.path(f"{repo}/refs/main"), "r+b") as file:
            file.write(b"b" * 40)
        await visited(shop)
        assert await shop.model_ids() == ["Org/Name", "Org/Name@" + COMMIT]
        await at_rest(shop)
        edit(Path(os.fsdecode(shop.path(f"{repo}/blobs/one"))), flip_bit(5))
        found = await visited(shop)
        assert {f"{repo}/snapshots/{COMMIT}", f"{repo}/snapshots/{'b' * 40}"} <= found

    play(tmp_path, scenario)


@pytest.mark.parametrize("name", ["flux/x.incomplete", "flux/.cache/huggingface/download/x.incomplete"])
def test_a_folder_with_something_unfinished_is_always_visited(tmp_path: Path, name: str) -> None:
    async def scenario(shop: Workshop) -> None:
        tree(shop)
        shop.put("flux/.cache/huggingface/download/w.safetensors.lock", b"")
        await at_rest(shop)
        shop.put(name, b"x")
        for _ in range(3):
            assert "flux" in await visited(shop)
        os.unlink(shop.path(name))
        await visited(shop)
        assert await visited(shop) == set()

    play(tmp_path, scenario)


def test_a_folder_that_is_gone_is_dropped(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        tree(shop)
        await at_rest(shop)
        os.rename(shop.path("loras"), os.fsencode(tmp_path / "aside"))
        await visited(shop)
        assert await shop.database.read(lambda db: folders.get(db, shop.root, [shop.path("loras")])) == {}
        os.rename(os.fsencode(tmp_path / "aside"), shop.path("loras"))
        assert "loras" in await visited(shop)
        assert await shop.codes("loras/a.safetensors") == []

    play(tmp_path, scenario)


def test_a_sweep_of_a_part(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        tree(shop)
        await at_rest(shop)
        assert "flux/vae" not in await visited(shop, folder="flux/vae")
        shop.put("flux/vae/new.safetensors", SMALL)
        assert "flux/vae" in await visited(shop, folder="flux/vae")
        assert shop.path("flux/vae/new.safetensors") in await shop.database.read(lambda db: models.file_paths(db, "flux"))

    play(tmp_path, scenario)
