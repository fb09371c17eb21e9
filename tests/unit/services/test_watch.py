"""Hints: which are settled, which are swept, and what is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.fakes.watcher import FakeWatcher
from wan_healthd.domain.ports import WatchEvent, WatchKind
from wan_healthd.host.threads import ThreadPool
from wan_healthd.services.crew import Crew
from wan_healthd.services.settle import MOST_WAITING, Settler
from wan_healthd.services.watch import Watch

ROOT, INNER = b"/r", b"/r/inner"
MOST_PENDING = 100
RETRY_S = 0.01


class Post:
    """A watch whose hints end in lists."""

    def __init__(self, threads: ThreadPool, crew: Crew) -> None:
        self.watcher = FakeWatcher()
        self.settled: list[bytes] = []
        self.swept: list[tuple[bytes, bytes]] = []
        self.complaints: list[str] = []
        self.settler = Settler(self.settled.append, quiet_s=0.02)
        self.watch = Watch(
            watcher=self.watcher,
            threads=threads,
            settler=self.settler,
            roots=[ROOT, INNER],
            crew=crew,
            sweep=lambda root, folder: self.swept.append((root, folder)),
            complain=self.complaints.append,
            most_pending=MOST_PENDING,
            retry_s=RETRY_S,
        )

    async def tell(self, *hints: tuple[WatchKind, bytes]) -> None:
        """Tell all at once, from the watcher's thread, and let the loop see them."""

        def tell() -> None:
            for kind, path in hints:
                self.watcher.tell(kind, path)

        await asyncio.to_thread(tell)
        await asyncio.sleep(0)


def post(scenario: Callable[[Post], Awaitable[None]]) -> None:
    async def live() -> None:
        threads = ThreadPool()
        async with Crew() as crew:
            made = Post(threads, crew)
            await made.watch.start()
            await asyncio.wait_for(scenario(made), 10)
            await made.watch.stop()
        threads.close()
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(live())


@pytest.mark.parametrize("kind", [WatchKind.CLOSED, WatchKind.MOVED_IN, WatchKind.GONE])
def test_what_is_finished_settles_at_once(kind: WatchKind) -> None:
    async def scenario(here: Post) -> None:
        await here.tell((kind, b"/r/a"))
        assert here.settled == [b"/r/a"]
        assert here.swept == []

    post(scenario)


@pytest.mark.parametrize("kind", [WatchKind.MODIFIED, WatchKind.ATTRIBUTES, WatchKind.CREATED])
def test_what_is_open_ended_waits_for_quiet(kind: WatchKind) -> None:
    async def scenario(here: Post) -> None:
        await here.tell((kind, b"/r/a"))
        assert here.settled == []
        await asyncio.sleep(0.1)
        assert here.settled == [b"/r/a"]

    post(scenario)


@pytest.mark.parametrize(
    ("kind", "path", "swept"),
    [
        (WatchKind.FOLDER_CHANGED, b"/r/a", [(ROOT, b"/r/a")]),
        (WatchKind.FOLDER_CHANGED, b"/r/inner/a", [(INNER, b"/r/inner/a")]),
        (WatchKind.FOLDER_CHANGED, b"/r/a.tmp", [(ROOT, b"/r/a.tmp")]),
        (WatchKind.FOLDER_CHANGED, b"/r/.cache/huggingface", []),
        (WatchKind.OVERFLOW, b"/r/a", [(ROOT, ROOT)]),
        (WatchKind.FAILED, b"/r/a", [(ROOT, b"/r/a")]),
        (WatchKind.FOLDER_CHANGED, b"/elsewhere", []),
    ],
)
def test_what_is_coarse_is_swept(kind: WatchKind, path: bytes, swept: list[tuple[bytes, bytes]]) -> None:
    async def scenario(here: Post) -> None:
        await here.tell((kind, path))
        assert here.swept == swept
        assert here.settled == []

    post(scenario)


@pytest.mark.parametrize("path", [b"/elsewhere/a", b"/r/.git/a", b"/r/a.part", b"/ra/a"])
def test_what_is_not_ours_is_dropped(path: bytes) -> None:
    async def scenario(here: Post) -> None:
        await here.tell((WatchKind.CLOSED, path), (WatchKind.MODIFIED, path))
        assert (here.settled, here.swept, len(here.settler)) == ([], [], 0)

    post(scenario)


@pytest.mark.parametrize(
    ("hints", "settled", "swept"),
    [
        ([WatchKind.CREATED, WatchKind.MODIFIED, WatchKind.CLOSED], 1, 0),
        ([WatchKind.CLOSED, WatchKind.ATTRIBUTES], 1, 0),
        ([WatchKind.CLOSED, WatchKind.MODIFIED], 0, 0),
        ([WatchKind.FOLDER_CHANGED, WatchKind.CREATED], 0, 1),
        ([WatchKind.OVERFLOW, WatchKind.GONE], 0, 1),
    ],
)
def test_of_several_hints_the_one_counts_that_must_not_be_missed(hints: list[WatchKind], settled: int, swept: int) -> None:
    async def scenario(here: Post) -> None:
        for kind in hints:
            here.watcher.tell(kind, b"/r/a")
        await asyncio.sleep(0)
        assert (len(here.settled), len(here.swept)) == (settled, swept)

    post(scenario)


def test_a_failure_is_not_hidden_by_another_coarse_hint() -> None:
    async def scenario(here: Post) -> None:
        here.watcher.tell(WatchKind.FAILED, ROOT)
        here.watcher.tell(WatchKind.FOLDER_CHANGED, ROOT)
        await asyncio.sleep(0)
        assert list(here.watch.unwatched) == [ROOT]
        assert len(here.complaints) == 1

    post(scenario)


def test_more_hints_than_fit_become_sweeps() -> None:
    async def scenario(here: Post) -> None:
        for number in range(MOST_PENDING + 5):
            here.watcher.tell(WatchKind.CLOSED, b"/r/%d" % number)
        await asyncio.sleep(0)
        assert len(here.settled) == MOST_PENDING
        assert set(here.swept) == {(ROOT, ROOT), (INNER, INNER)}
        here.watcher.tell(WatchKind.CLOSED, b"/r/after")
        await asyncio.sleep(0)
        assert here.settled[-1] == b"/r/after"

    post(scenario)


def test_a_root_that_cannot_be_watched_is_tried_again() -> None:
    async def scenario(here: Post) -> None:
        here.watcher.unwatchable.add(ROOT)
        here.watcher.tell(WatchKind.FAILED, ROOT)
        await asyncio.sleep(0.1)
        assert list(here.watch.unwatched) == [ROOT]
        assert here.swept.count((ROOT, ROOT)) > 2, "polled as long as it is not watched"
        assert len(here.complaints) == 1, "said once"
        here.watcher.unwatchable.clear()
        await asyncio.sleep(0.1)
        assert list(here.watch.unwatched) == []
        assert ROOT in here.watcher.roots
        swept = len(here.swept)
        await asyncio.sleep(0.05)
        assert len(here.swept) == swept, "and no more"

    post(scenario)


def test_it_can_be_stopped_and_started() -> None:
    async def scenario(here: Post) -> None:
        here.watcher.tell(WatchKind.MODIFIED, b"/r/a")
        here.watcher.tell(WatchKind.FAILED, ROOT)
        await here.watch.stop()
        await asyncio.sleep(0.05)
        assert here.settled == []
        assert list(here.watch.unwatched) == []
        await here.watch.start()
        await here.tell((WatchKind.CLOSED, b"/r/b"))
        assert here.settled == [b"/r/b"]

    post(scenario)


def test_a_hint_that_comes_after_the_end_does_not_silence_the_next_start() -> None:
    async def scenario(here: Post) -> None:
        late = here.watcher.sink
        assert late is not None
        await here.watch.stop()
        late(WatchEvent(WatchKind.CLOSED, b"/r/late"))
        await here.watch.start()
        await here.tell((WatchKind.CLOSED, b"/r/b"))
        assert here.settled == [b"/r/b"]

    post(scenario)


def test_the_settler() -> None:
    async def scenario() -> None:
        released: list[bytes] = []
        settler = Settler(released.append, quiet_s=0.03)
        for _ in range(4):
            settler.touched(b"a")
            await asyncio.sleep(0.01)
        assert released == [], "each change makes it wait anew"
        settler.finished(b"a")
        assert released == [b"a"]
        await asyncio.sleep(0.05)
        assert released == [b"a"], "once"
        settler.touched(b"b")
        settler.close()
        await asyncio.sleep(0.05)
        assert released == [b"a"]
        assert len(settler) == 0

    asyncio.run(scenario())


def test_the_settler_is_bounded() -> None:
    async def scenario() -> None:
        released: list[bytes] = []
        settler = Settler(released.append)
        for number in range(MOST_WAITING + 3):
            settler.touched(b"%d" % number)
        assert (len(settler), len(released)) == (MOST_WAITING, 3)
        settler.touched(b"0")
        assert (len(settler), len(released)) == (MOST_WAITING, 3), "what waits may go on waiting"
        settler.close()

    asyncio.run(scenario())
