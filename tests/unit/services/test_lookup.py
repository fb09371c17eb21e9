"""Lookups over a fake hub: once, kept, told when they fail, and dropped with the source that they were for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.fakes.hub import Repository
from tests.fakes.hub_port import FakeHub
from tests.fakes.workshop import Workshop, workshop
from wan_healthd.domain.errors import HubUnreachable
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.hub import RepoEntry, RepoTree
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.ports import Hub
from wan_healthd.domain.source_ref import SourceRef
from wan_healthd.host.threads import ThreadPool
from wan_healthd.layouts.registry import StatedModel
from wan_healthd.provenance.sources import Subject
from wan_healthd.services.hub_word import HubWord
from wan_healthd.services.lookup import Lookup, Sourced
from wan_healthd.store import hub as store
from wan_healthd.store import roots

NAME = "a/b"
REPOSITORY = Repository(NAME, {"config.json": b"{}"}, {"config.json": b'{"a": 1}'})
OLD, NEW = REPOSITORY.commits
FAILURE = HubUnreachable("cannot look up hf:a/b: the cable is cut", "mend it")


class Desk:
    """Lookups for the one stated model of a workshop; `retold` holds what must be judged again."""

    def __init__(self, shop: Workshop, threads: ThreadPool) -> None:
        self.shop = shop
        self.threads = threads
        self.hub = FakeHub(REPOSITORY)
        self.retold: list[bytes] = []
        self.hears = asyncio.Event()
        self.hears.set()
        self.begin()

    def begin(self, ref: SourceRef | None = None, *, client: Hub | None = None, may_ask: bool = True) -> None:
        """As after a start of the daemon."""
        ref = ref or SourceRef(NAME)
        self.word = HubWord({"mine": ref})
        self.lookup = Lookup(
            client=(client or self.hub) if may_ask else None,
            files=self.shop.files,
            threads=self.threads,
            database=self.shop.database,
            clock=self.shop.clock,
            word=self.word,
            publisher=self.shop.publisher,
            models=[Sourced("mine", self.shop.path("m"), self.shop.root, ref)],
            retell=self.retell,
            complain=self.shop.complain,
            retry_s=0.01,
        )

    async def retell(self, root: bytes, folder: bytes) -> None:
        self.retold.append(folder)
        await self.hears.wait()

    async def is_heard(self) -> bool:
        return await self.shop.database.read(store.unheard) == () and await self.knows()

    async def run(self, until: Callable[[], Awaitable[bool]]) -> None:
        """Recall, ask, and go on until that holds."""
        await self.lookup.recall()
        task = asyncio.create_task(self.lookup.run())
        self.lookup.ask()
        while not await until():
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.wait([task])

    async def knows(self) -> bool:
        return self.word.has_tree_of("mine") and bool(self.retold)

    async def is_told(self) -> bool:
        return "hub-unreachable" in await self.codes()

    async def codes(self) -> list[str]:
        return [issue.code for issue in (await self.shop.result("mine")).issues]

    def claims(self) -> list[tuple[VerifiedBy, str]]:
        model = Model("mine", Layout.FOLDER, self.shop.path("m"), self.shop.root, stated=True)
        told = self.word.about(Subject(self.shop.path("m/config.json")), model)
        return [(claim.source, claim.authority) for claim in told.claims]


def play(folder: Path, scene: Callable[[Desk], Awaitable[None]]) -> None:
    async def live() -> None:
        threads = ThreadPool()
        try:
            async with workshop(folder, [("mine", "m")]) as shop:
                shop.put("m/config.json", b'{"a": 1}')
                await shop.sweep()
                await scene(Desk(shop, threads))
                assert shop.complaints == []
        finally:
            threads.close()

    asyncio.run(live())


def test_a_source_is_looked_up_once_and_kept(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        await desk.run(desk.knows)
        assert desk.hub.asked == [SourceRef(NAME)]
        assert desk.retold == [desk.shop.path("m")]
        assert desk.claims() == [(VerifiedBy.HUB, f"the hub's list of a/b at commit {NEW[:7]}")]
        desk.begin()
        await desk.run(desk.knows)
        desk.begin(may_ask=False)
        await desk.lookup.recall()
        assert desk.claims()
        assert len(desk.hub.asked) == 1

    play(tmp_path, scene)


def test_who_ends_before_all_have_heard_tells_again(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.hears.clear()
        await desk.run(desk.knows)
        assert await desk.shop.database.read(store.unheard) == ("mine",)
        desk.begin()
        desk.hears.set()
        await desk.run(desk.is_heard)
        desk.begin()
        await desk.run(desk.knows)
        assert desk.retold == [desk.shop.path("m")] * 2

    play(tmp_path, scene)


def test_nobody_hears_in_a_root_that_is_out_of_reach(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        await desk.shop.database.write(lambda db: roots.lose(db, desk.shop.root, "ENOENT", desk.shop.clock.now()))

        async def is_told_again() -> bool:
            desk.lookup.ask()
            return len(desk.retold) > 1

        await desk.run(is_told_again)
        assert await desk.shop.database.read(store.unheard) == ("mine",)

    play(tmp_path, scene)


def test_the_commit_that_was_downloaded_is_the_one_that_is_asked_for(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.shop.put("m/.cache/huggingface/download/config.json.metadata", f"{OLD}\n{'a' * 40}\n1.0\n".encode())
        await desk.run(desk.knows)
        assert desk.hub.asked == [SourceRef(NAME, OLD)]

    play(tmp_path, scene)


def test_another_source_drops_what_was_kept(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        await desk.run(desk.knows)
        desk.begin(SourceRef(NAME, OLD), may_ask=False)
        await desk.lookup.recall()
        assert not desk.word.has_tree_of("mine")
        assert await desk.shop.database.read(store.pins) == ()

    play(tmp_path, scene)


def test_what_is_kept_and_broken_is_asked_for_again(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        await desk.run(desk.knows)
        (record,) = await desk.shop.database.read(store.pins)
        await desk.shop.database.write(lambda db: store.pin(db, replace(record, body=b"x"), desk.shop.clock.now()))
        desk.begin()
        await desk.run(desk.knows)
        assert len(desk.hub.asked) == 2

    play(tmp_path, scene)


def test_a_failure_is_told_and_passes(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.hub.failure = FAILURE
        await desk.run(desk.is_told)
        result = await desk.shop.result("mine")
        (issue,) = [item for item in result.issues if item.code == "hub-unreachable"]
        assert issue.is_advice
        assert "the cable is cut" in issue.message
        assert issue.suggestion == "mend it"
        desk.hub.failure = None
        await desk.run(desk.knows)
        assert "hub-unreachable" not in await desk.codes()

    play(tmp_path, scene)


def test_a_failure_is_tried_again_without_being_asked(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.hub.failure = FAILURE

        async def several() -> bool:
            return len(desk.hub.asked) >= 3

        await desk.run(several)

    play(tmp_path, scene)


def test_who_may_not_ask_does_not_complain(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.hub.failure = FAILURE
        await desk.run(desk.is_told)
        desk.begin(may_ask=False)
        await desk.lookup.recall()
        assert "hub-unreachable" not in await desk.codes()

    play(tmp_path, scene)


class LyingHub:
    async def tree(self, ref: SourceRef) -> RepoTree:
        return RepoTree(NEW, (RepoEntry("../../etc/passwd", 1, "0" * 40),))


def test_a_list_that_cannot_be_is_told(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.begin(client=LyingHub())
        await desk.run(desk.is_told)
        assert not desk.word.has_tree_of("mine")

    play(tmp_path, scene)


@pytest.mark.parametrize(("essential", "listed"), [(None, ()), ((b"*.json",), (b"config.json",))])
def test_the_source_tells_what_there_is_where_the_configuration_selects(
    tmp_path: Path, essential: tuple[bytes, ...] | None, listed: tuple[bytes, ...]
) -> None:
    async def scene(desk: Desk) -> None:
        await desk.run(desk.knows)
        stated = [StatedModel("mine", b"/m", essential), StatedModel("other", b"/o", (b"x",))]
        assert [model.listed for model in desk.word.informed(stated)] == [listed, ()]

    play(tmp_path, scene)
