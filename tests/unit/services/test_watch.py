"""Hints: which are settled, which are swept, and what is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.fakes.watcher import FakeWatcher
from tests.support import virtual_time
from wan_healthd.domain.ports import WatchEvent, WatchKind
from wan_healthd.domain.watching import RootWatch, WatchMode
from wan_healthd.host.files import LocalFiles
from wan_healthd.host.threads import ThreadPool
from wan_healthd.services.crew import Crew
from wan_healthd.services.hints import PendingHints
from wan_healthd.services.patrol import Pace, Patrol
from wan_healthd.services.queue import Priority, WorkQueue
from wan_healthd.services.retelling import Retelling
from wan_healthd.services.settle import MOST_WAITING, Settler
from wan_healthd.services.watch import AT_A_TIME, Watch

ROOT, INNER, POLLED = b"/r", b"/r/inner", b"/polled"
MOST_PENDING = 100
SLOW = Pace(patrol=3600.0, poll=3600.0)
BRISK = Pace(patrol=0.005, round=0.005, retry_first=0.01, retry_most=0.02, poll=3600.0)


class Post:
    """A watch whose hints end in lists."""

    def __init__(self, threads: ThreadPool, crew: Crew, pace: Pace) -> None:
        self.watcher = FakeWatcher()
        self.settled: list[bytes] = []
        self.swept: list[tuple[bytes, bytes]] = []
        self.prepared: list[bool] = []
        self.complaints: list[str] = []
        self.settler = Settler(self.settled.append, quiet_s=0.02)
        self.files = LocalFiles()
        self.queue = WorkQueue()
        self.retelling = Retelling(
            files=self.files,
            threads=threads,
            queue=self.queue,
            crew=crew,
            sweep=lambda root, folder: self.swept.append((root, folder)),
            root_of=self._root_of,
            manifests={},
            quiet_s=0.02,
        )
        self.reports: list[RootWatch] = []
        self.patrol = Patrol(
            watcher=self.watcher,
            threads=threads,
            modes={ROOT: WatchMode.AUTO, INNER: WatchMode.INOTIFY, POLLED: WatchMode.POLL},
            sweep=lambda root, folder: self.swept.append((root, folder)),
            report=self.note,
            complain=lambda told, error: self.complaints.append(told),
            pace=pace,
            luck=lambda: 1.0,
        )
        self.watch = Watch(
            watcher=self.watcher,
            threads=threads,
            settler=self.settler,
            retelling=self.retelling,
            roots=[ROOT, INNER, POLLED],
            crew=crew,
            sweep=lambda root, folder: self.swept.append((root, folder)),
            patrol=self.patrol,
            most_pending=MOST_PENDING,
            get_ready=lambda: self.prepared.append(True),
        )

    async def note(self, report: RootWatch) -> None:
        self.reports.append(report)

    def _root_of(self, path: bytes) -> bytes | None:
        return self.watch.root_of(path)

    async def tell(self, *hints: tuple[WatchKind, bytes]) -> None:
        """Tell all at once, from the watcher's thread, and let the loop see them."""

        def tell() -> None:
            for kind, path in hints:
                self.watcher.tell(kind, path)

        await asyncio.to_thread(tell)
        await asyncio.sleep(0)


def post(scenario: Callable[[Post], Awaitable[None]], pace: Pace = SLOW) -> None:
    async def live() -> None:
        threads = ThreadPool()
        async with Crew() as crew:
            made = Post(threads, crew, pace)
            await made.watch.start()
            await asyncio.wait_for(scenario(made), 10)
            await made.watch.stop()
        threads.close()
        made.files.close()
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(live())


@pytest.mark.parametrize("name", [b"/r/a.safetensors", b"/r/.cache/a.incomplete"])
def test_the_first_write_to_a_model_is_the_time_to_get_ready(name: bytes) -> None:
    async def scenario(here: Post) -> None:
        await here.tell((WatchKind.MODIFIED, b"/r/picture.png"), (WatchKind.GONE, name))
        assert not here.prepared
        await here.tell((WatchKind.CREATED, name))
        assert here.prepared

    post(scenario)


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


def test_a_source_in_a_hidden_folder_is_heard_and_nothing_else_there() -> None:
    async def scenario(here: Post) -> None:
        notes = b"/r/wan/.cache/huggingface/download/"
        await here.tell(
            (WatchKind.CLOSED, notes + b"a.bin.metadata"),
            (WatchKind.CLOSED, notes + b"a.bin.lock"),
            (WatchKind.CLOSED, notes + b"x.0123.incomplete"),
            (WatchKind.CLOSED, b"/r/.git/SHA256SUMS"),
        )
        await asyncio.sleep(0.1)
        assert (here.settled, here.swept, len(here.queue)) == ([], [], 1)
        task = await here.queue.get(urgent_only=True)
        assert (task.path, task.root, task.priority) == (b"/r/wan/a.bin", ROOT, Priority.RETOLD)

    post(scenario)


def test_a_list_among_the_files_is_a_file_and_a_source() -> None:
    async def scenario(here: Post) -> None:
        await here.tell((WatchKind.CLOSED, b"/r/wan/SHA256SUMS.txt"))
        assert here.settled == [b"/r/wan/SHA256SUMS.txt"]

    post(scenario)


def test_what_waits_to_be_told_anew_is_forgotten_at_the_end() -> None:
    async def scenario(here: Post) -> None:
        await here.tell((WatchKind.MODIFIED, b"/r/a.bin.sha256"))
        await here.watch.stop()
        await asyncio.sleep(0.05)
        assert len(here.queue) == 0

    post(scenario)


def test_a_failure_is_not_hidden_by_another_coarse_hint() -> None:
    async def scenario(here: Post) -> None:
        here.watcher.tell(WatchKind.FAILED, ROOT)
        here.watcher.tell(WatchKind.FOLDER_CHANGED, ROOT)
        await asyncio.sleep(0)
        assert here.patrol.lost == (ROOT,)

    post(scenario)


def test_more_hints_than_fit_become_sweeps() -> None:
    async def scenario(here: Post) -> None:
        for number in range(MOST_PENDING + 5):
            here.watcher.tell(WatchKind.CLOSED, b"/r/%d" % number)
        await asyncio.sleep(0)
        assert set(here.swept) == {(ROOT, ROOT)}, "all that there were in one folder"
        assert len(here.settled) == 5, "and those that came later"
        here.watcher.tell(WatchKind.CLOSED, b"/r/after")
        await asyncio.sleep(0)
        assert here.settled[-1] == b"/r/after"

    post(scenario)


def test_a_root_that_cannot_be_watched_is_tried_again() -> None:
    async def scenario(here: Post) -> None:
        here.watcher.unwatchable.add(ROOT)
        here.watcher.tell(WatchKind.FAILED, ROOT)
        await asyncio.sleep(0.1)
        assert here.patrol.lost
        assert here.swept.count((ROOT, ROOT)) > 2, "looked at whenever it is tried"
        here.watcher.unwatchable.clear()
        await asyncio.sleep(0.1)
        assert here.patrol.lost == ()
        assert ROOT in here.watcher.roots
        swept = len(here.swept)
        await asyncio.sleep(0.05)
        assert len(here.swept) == swept, "and no more"
        assert here.complaints == []

    post(scenario, BRISK)


def test_a_lost_root_is_tried_at_once_when_something_is_mounted() -> None:
    async def scenario(here: Post) -> None:
        here.watcher.remove_root(ROOT)
        here.watcher.tell(WatchKind.FAILED, ROOT)
        await asyncio.sleep(0.05)
        assert ROOT not in here.watcher.roots, "not for an hour"
        here.watcher.mounted = True
        await asyncio.sleep(0.05)
        assert ROOT in here.watcher.roots
        assert here.patrol.lost == ()

    post(scenario, Pace(patrol=0.005, round=0.005, retry_first=3600.0, retry_most=3600.0))


def test_what_cannot_be_watched_is_polled_and_tried_again() -> None:
    async def scenario(here: Post) -> None:
        gap = ROOT + b"/gap"
        here.watcher.gaps[ROOT] = (gap,)
        here.watcher.unwatchable.add(gap)
        await asyncio.sleep(0.1)
        assert here.swept.count((ROOT, gap)) > 2
        assert any(report.gaps == (gap,) for report in here.reports)
        assert {root for root, _ in here.swept} == {ROOT, POLLED}, "and what shall only be polled"
        here.watcher.unwatchable.clear()
        await asyncio.sleep(0.1)
        assert ROOT not in here.watcher.gaps
        here.swept.clear()
        await asyncio.sleep(0.05)
        assert set(here.swept) == {(POLLED, POLLED)}

    post(scenario, Pace(patrol=0.005, round=0.005, retry_first=0.01, retry_most=0.02, poll=0.01))


async def until(holds: Callable[[], bool], what: str) -> None:
    """Patient, since others may need the processor."""
    async with asyncio.timeout(20.0):
        while not holds():
            await asyncio.sleep(0.005)
    assert holds(), what


IMPATIENT = Pace(patrol=0.005, round=0.005, retry_first=0.01, retry_most=0.02, poll=3600.0, patience=0.5)


def test_a_root_that_does_not_answer_holds_up_no_other() -> None:
    async def scenario(here: Post) -> None:
        here.watcher.silent.add(ROOT)
        await until(lambda: bool(here.swept), "the silence is told")
        patrols = here.watcher.patrols
        await until(lambda: here.watcher.patrols > patrols + 2, "the others are looked after")
        assert here.swept == [(ROOT, ROOT)], "once"
        here.watcher.silent.clear()
        here.watcher.answer.set()
        await until(lambda: len(here.swept) > 1, "it is looked at again")
        await until(lambda: here.watcher.patrols > patrols + 5, "a few rounds later")
        assert here.swept == [(ROOT, ROOT)] * 2, "once more when it answers"
        assert here.complaints == []

    post(scenario, IMPATIENT)


def test_a_root_that_does_not_answer_from_the_start_is_watched_once_it_does() -> None:
    async def scenario(here: Post) -> None:
        await here.watch.stop()
        here.watcher.silent.add(ROOT)
        await here.watch.start()
        assert here.watcher.roots == [INNER]
        assert set(here.swept) == {(ROOT, ROOT)}
        swept = len(here.swept)
        here.watcher.answer.set()
        await until(lambda: ROOT in here.watcher.roots and len(here.swept) > swept, "it is watched, and swept")
        assert set(here.swept) == {(ROOT, ROOT)}

    post(scenario, IMPATIENT)


def test_a_root_that_shall_only_be_polled_is_not_watched() -> None:
    async def scenario(here: Post) -> None:
        assert sorted(here.watcher.roots) == [ROOT, INNER]
        await here.tell((WatchKind.FAILED, POLLED))
        assert here.patrol.lost == ()

    post(scenario)


def test_a_storm_keeps_the_loop_free() -> None:
    async def scenario(here: Post) -> None:
        turns = 0
        here.watch._pending = PendingHints(here.watch.root_of)
        for number in range(AT_A_TIME * 3):
            here.watcher.tell(WatchKind.CLOSED, b"/r/%d" % number)
        while len(here.settled) < AT_A_TIME * 3:
            await asyncio.sleep(0)
            turns += 1
        assert turns >= 3

    post(scenario)


def test_it_can_be_stopped_and_started() -> None:
    async def scenario(here: Post) -> None:
        here.watcher.tell(WatchKind.MODIFIED, b"/r/a")
        here.watcher.tell(WatchKind.FAILED, ROOT)
        await here.watch.stop()
        await asyncio.sleep(0.05)
        assert here.settled == []
        await here.watch.start()
        assert here.patrol.lost == ()
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

    virtual_time.run(scenario())


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
