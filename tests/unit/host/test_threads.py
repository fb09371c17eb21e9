"""The pool of daemon threads, with real threads and event loops."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from wan_healthd.host.threads import ThreadPool, spawn


def test_results_and_exceptions_travel() -> None:
    pool = ThreadPool()

    def fail() -> None:
        raise LookupError("gone")

    async def scenario() -> str:
        with pytest.raises(LookupError, match="gone"):
            await pool.run(fail)
        return await pool.run(lambda: threading.current_thread().name)

    assert asyncio.run(scenario()).startswith("wan-blocking-")
    pool.close()


def test_an_exception_that_futures_cannot_hold_travels_too() -> None:
    pool = ThreadPool()

    async def scenario() -> None:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await pool.run(lambda: next(iter(())))

    asyncio.run(scenario())
    pool.close()


def test_calls_run_side_by_side_but_no_more_than_the_pool_has_threads() -> None:
    pool = ThreadPool(size=2)
    lock = threading.Lock()
    running, most = 0, 0

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1

    async def scenario() -> None:
        await asyncio.gather(*(pool.run(call) for _ in range(6)))

    asyncio.run(scenario())
    pool.close()
    assert most == 2


def test_a_cancelled_wait_ends_at_once_and_harms_nobody() -> None:
    pool = ThreadPool(size=1)
    release, begun = threading.Event(), threading.Event()
    never: list[str] = []

    def hang() -> None:
        begun.set()
        release.wait(5)

    async def scenario() -> int:
        hanging = asyncio.create_task(pool.run(hang))
        behind = asyncio.create_task(pool.run(lambda: never.append("ran")))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        hanging.cancel()
        behind.cancel()
        await asyncio.gather(hanging, behind, return_exceptions=True)
        release.set()
        return await pool.run(lambda: 7)

    assert asyncio.run(scenario()) == 7
    assert never == []
    pool.close()


def test_the_loop_may_be_closed_while_a_call_is_under_way() -> None:
    pool = ThreadPool(size=1)
    release = threading.Event()

    async def abandon() -> None:
        waiting = asyncio.create_task(pool.run(lambda: release.wait(5)))
        await asyncio.sleep(0.01)
        waiting.cancel()

    asyncio.run(abandon())
    release.set()

    async def again() -> int:
        return await pool.run(lambda: 3)

    assert asyncio.run(again()) == 3
    pool.close()


def test_close_refuses_what_waits_and_leaves_what_hangs() -> None:
    pool = ThreadPool(size=1)
    release = threading.Event()

    async def scenario() -> float:
        hanging = asyncio.create_task(pool.run(lambda: release.wait(5)))
        waiting = asyncio.create_task(pool.run(lambda: None))
        await asyncio.sleep(0.02)
        begin = time.monotonic()
        pool.close(limit_s=0.05)
        took = time.monotonic() - begin
        with pytest.raises(RuntimeError, match="closed"):
            await waiting
        with pytest.raises(RuntimeError, match="closed"):
            await pool.run(lambda: None)
        release.set()
        await hanging
        return took

    assert asyncio.run(scenario()) < 1.0
    pool.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("wan-blocking")]


def test_an_interpreter_with_a_hanging_call_ends() -> None:
    program = """
import asyncio, time
from wan_healthd.host.threads import ThreadPool
async def main():
    pool = ThreadPool()
    asyncio.create_task(pool.run(lambda: time.sleep(60)))
    await asyncio.sleep(0.05)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], timeout=10, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_spawned_threads_are_daemons_with_a_name() -> None:
    seen: list[tuple[str, bool]] = []
    thread = spawn("wan-test", lambda: seen.append((threading.current_thread().name, threading.current_thread().daemon)))
    thread.join(5)
    assert seen == [("wan-test", True)]


def test_calls_that_hang_do_not_use_up_the_pool() -> None:
    pool, answer = ThreadPool(size=2, hangs_s=0.05), threading.Event()

    async def scenario() -> None:
        hanging = [asyncio.ensure_future(pool.run(lambda: answer.wait(10))) for _ in range(4)]
        await asyncio.sleep(0.1)
        late = [asyncio.ensure_future(pool.run(lambda: 7))]
        for _ in range(4):  # each call finds those hanging that took their places before it
            await asyncio.sleep(0.1)
            late.append(asyncio.ensure_future(pool.run(lambda: 7)))
        assert await asyncio.gather(*late) == [7] * 5
        assert threads_of("wan-blocking") > 2
        answer.set()
        await asyncio.gather(*hanging)
        for _ in range(8):
            await pool.run(lambda: None)

    asyncio.run(scenario())
    assert threads_of("wan-blocking") <= 2, "those that came back are not kept"
    pool.close()


def threads_of(name: str) -> int:
    return sum(thread.name.startswith(name) for thread in threading.enumerate())
