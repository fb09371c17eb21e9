"""Callbacks: in order, each by itself, where they belong."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from tests.fakes.clock import FakeClock
from wan_healthd.checks.verdict import corruption_report, integrity_result
from wan_healthd.domain.verdicts import CorruptionReport, IntegrityResult
from wan_healthd.host.threads import ThreadPool
from wan_healthd.services.crew import Crew
from wan_healthd.services.feed import DELIVERY_S, MOST_RESULTS, Feed

LIMIT_S = 10.0


def result(model_id: str) -> IntegrityResult:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return integrity_result(model_id, [], nothing_left=False, file_count=0, size_bytes=0, checksum=None, checked_at=at)


class Stage:
    def __init__(self, threads: ThreadPool, crew: Crew) -> None:
        self.complaints: list[str] = []
        self.crew = crew
        self.feed = Feed(FakeClock(), threads, corruption_report, lambda who, error: self.complaints.append(f"{who}: {error}"))
        self.loop = asyncio.get_running_loop()

    def start(self) -> None:
        self.crew.start(self.feed.run())


def stage(scenario: Callable[[Stage], Awaitable[None]]) -> None:
    async def live() -> None:
        threads = ThreadPool()
        async with Crew() as crew:
            await asyncio.wait_for(scenario(Stage(threads, crew)), LIMIT_S)
        threads.close()
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(live())


class OtherLoop:
    """An event loop in a thread of its own, as a program that uses the facade has."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self) -> OtherLoop:
        self.thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End as `asyncio.run` does: cancel what runs, then stop."""

        async def cancel_all() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        if self.thread.is_alive():
            asyncio.run_coroutine_threadsafe(cancel_all(), self.loop).result(5)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(5)
            self.loop.close()


def test_results_come_in_order_to_all_listeners() -> None:
    async def scenario(here: Stage) -> None:
        heard: list[str] = []

        async def corrupted(report: CorruptionReport) -> None:
            await asyncio.sleep(0)
            heard.append(f"report {report.model_id}")

        here.feed.add_health(lambda r: heard.append(r.model_id), here.loop)
        here.feed.add_corruption(corrupted, here.loop)
        here.start()
        for model_id in ("a", "b"):
            here.feed.result(result(model_id))
        await here.feed.delivered()
        assert heard == ["a", "report a", "b", "report b"]

    stage(scenario)


def test_a_callback_that_raises_harms_nobody() -> None:
    async def scenario(here: Stage) -> None:
        heard: list[str] = []

        def fails(_: IntegrityResult) -> None:
            raise ValueError("mine")

        async def gives_up(_: IntegrityResult) -> None:
            raise asyncio.CancelledError

        for callback in (fails, gives_up, lambda r: heard.append(r.model_id)):
            here.feed.add_health(callback, here.loop)
        here.start()
        for model_id in ("a", "b"):
            here.feed.result(result(model_id))
        await here.feed.delivered()
        assert heard == ["a", "b"]
        assert len(here.complaints) == 4
        assert "fails: mine" in here.complaints[0]

    stage(scenario)


def test_a_callback_runs_in_its_own_loop() -> None:
    async def scenario(here: Stage) -> None:
        with OtherLoop() as other:
            where: list[asyncio.AbstractEventLoop] = []

            async def slow(_: IntegrityResult) -> None:
                await asyncio.sleep(0.01)
                where.append(asyncio.get_running_loop())

            def plain(_: IntegrityResult) -> None:
                where.append(asyncio.get_running_loop())

            here.feed.add_health(slow, other.loop)
            here.feed.add_health(plain, other.loop)
            here.start()
            here.feed.result(result("a"))
            await here.feed.delivered()
            assert where == [other.loop, other.loop]

    stage(scenario)


def test_a_loop_that_ends_in_the_middle_ends_nothing_else() -> None:
    async def scenario(here: Stage) -> None:
        heard: list[str] = []
        began = threading.Event()

        async def never(_: IntegrityResult) -> None:
            began.set()
            await asyncio.Event().wait()

        with OtherLoop() as other:
            here.feed.add_health(never, other.loop)
            here.feed.add_health(lambda r: heard.append(r.model_id), None)
            here.start()
            here.feed.result(result("a"))
            await asyncio.to_thread(began.wait, 5)
            await asyncio.to_thread(other.stop)
            await here.feed.delivered()
            assert heard == ["a"]
            assert "cancelled" in here.complaints[0]

    stage(scenario)


def test_without_a_loop_it_runs_beside_ours() -> None:
    async def scenario(here: Stage) -> None:
        threads: list[str] = []

        def plain(_: IntegrityResult) -> None:
            threads.append(threading.current_thread().name)

        async def coroutine(_: IntegrityResult) -> None:
            threads.append(threading.current_thread().name)

        here.feed.add_health(plain, None)
        here.feed.add_health(coroutine, None)
        here.start()
        here.feed.result(result("a"))
        await here.feed.delivered()
        assert threads[0] != threading.current_thread().name
        assert threads[1] == threading.current_thread().name

    stage(scenario)


def test_a_callback_may_ask_for_a_check_itself() -> None:
    """It must not wait for its own end: neither in our loop, nor in its own, nor in a thread."""

    async def scenario(here: Stage) -> None:
        waited: list[float] = []

        async def asks(_: IntegrityResult) -> None:
            began = here.loop.time()
            asked = asyncio.run_coroutine_threadsafe(here.feed.delivered(), here.loop)
            await asyncio.wrap_future(asked)
            waited.append(here.loop.time() - began)

        def asks_plainly(_: IntegrityResult) -> None:
            began = here.loop.time()
            asyncio.run_coroutine_threadsafe(here.feed.delivered(), here.loop).result(LIMIT_S)
            waited.append(here.loop.time() - began)

        with OtherLoop() as other:
            here.feed.add_health(asks, here.loop)
            here.feed.add_health(asks, other.loop)
            here.feed.add_health(asks_plainly, None)
            here.feed.add_health(asks, None)
            here.start()
            here.feed.result(result("a"))
            await here.feed.delivered()
        assert len(waited) == 4
        assert max(waited) < DELIVERY_S / 2
        assert here.complaints == []

    stage(scenario)


def test_results_without_listeners_are_not_kept_and_too_many_are_dropped() -> None:
    async def scenario(here: Stage) -> None:
        here.feed.result(result("nobody listens"))
        heard: list[str] = []
        here.feed.add_health(lambda r: heard.append(r.model_id), here.loop)
        for number in range(MOST_RESULTS + 3):
            here.feed.result(result(str(number)))
        here.start()
        await here.feed.delivered()
        assert heard == [str(number) for number in range(3, MOST_RESULTS + 3)]
        assert len(here.complaints) == 3

    stage(scenario)


def test_news_wakes_everybody_who_waits() -> None:
    async def scenario(here: Stage) -> None:
        waiting = [asyncio.ensure_future(here.feed.next_news(LIMIT_S)) for _ in range(3)]
        await asyncio.sleep(0)
        here.feed.stirred()
        await asyncio.wait_for(asyncio.gather(*waiting), 1)
        began = here.loop.time()
        await here.feed.next_news(0.02)
        assert here.loop.time() - began < 1, "without news it returns all the same"
        seen = here.feed.stirs
        here.feed.stirred()
        await asyncio.wait_for(here.feed.next_news(3600, since=seen), LIMIT_S)

    stage(scenario)
