"""The engine and real worker processes: crashes, silence, nonsense, cancellation, the end."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from tests.unit.digest.sparse import LONG_BYTES, blocks_only, sparse_file
from wan_healthd.digest.engine import Patience, WorkerEngine
from wan_healthd.digest.process import WORKER_COMMAND, worker_environment
from wan_healthd.domain.digests import Algorithm, block_count
from wan_healthd.domain.errors import WorkerFailed, WorkerRefused
from wan_healthd.domain.ports import BlockRun, ReadRequest

ROGUE = Path(__file__).with_name("rogue_worker.py")
MIB = 1 << 20


def with_engine(
    work: Callable[[WorkerEngine], Awaitable[None]],
    *,
    command: tuple[str, ...] = WORKER_COMMAND,
    patience: Patience = Patience(),  # noqa: B008
) -> list[str]:
    """Why workers were lost while `work` used an engine."""
    lost: list[str] = []

    async def main() -> None:
        engine = WorkerEngine(on_lost=lost.append, command=command, patience=patience)
        try:
            await work(engine)
        finally:
            await engine.close()
            assert engine.pid is None

    asyncio.run(main())
    return lost


def kill(engine: WorkerEngine) -> None:
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)


def ends_within(pid: int, seconds: float) -> bool:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([pidfd], [], [], seconds)[0])
    finally:
        os.close(pidfd)


def test_the_worker_starts_at_the_first_call_and_stays(tmp_path: Path) -> None:
    async def work(engine: WorkerEngine) -> None:
        assert engine.pid is None
        with sparse_file(tmp_path / "file", 10) as descriptor:
            await engine.header(descriptor, "safetensors")
            first = engine.pid
            await engine.header(descriptor, "safetensors")
            assert engine.pid == first is not None

    assert with_engine(work) == []


def test_a_read_survives_the_death_of_its_worker(tmp_path: Path) -> None:
    digests: dict[int, bytes] = {}
    killed: list[int] = []

    async def work(engine: WorkerEngine) -> None:
        def on_run(run: BlockRun) -> None:
            if not killed:
                killed.append(engine.pid or 0)
                kill(engine)
            digests.update({run.first_block + i: run.digests[i * 32 : i * 32 + 32] for i in range(len(run.digests) // 32)})

        with sparse_file(tmp_path / "file", LONG_BYTES) as descriptor:
            outcome = await engine.read(descriptor, blocks_only(LONG_BYTES), on_run)
        assert outcome.bytes_read == LONG_BYTES
        assert outcome.is_stable
        assert sorted(digests) == list(range(block_count(LONG_BYTES)))
        assert len(set(digests.values())) == 1
        assert engine.pid not in (None, *killed)

    assert with_engine(work) == ["it was ended by SIGKILL"]


def test_a_job_that_kills_twice_fails_and_its_neighbour_does_not(tmp_path: Path) -> None:
    async def work(engine: WorkerEngine) -> None:
        with sparse_file(tmp_path / "bad", LONG_BYTES) as bad, sparse_file(tmp_path / "good", LONG_BYTES // 2) as good:
            culprit, neighbour = await asyncio.gather(
                engine.read(bad, blocks_only(LONG_BYTES), lambda run: kill(engine)),
                engine.read(good, blocks_only(LONG_BYTES // 2), lambda run: None),
                return_exceptions=True,
            )
        assert isinstance(culprit, WorkerFailed)
        assert culprit.message == (
            "cannot examine the file: the digest worker was lost twice while it had this job: it was ended by SIGKILL"
        )
        assert culprit.suggestion
        assert not isinstance(neighbour, BaseException)
        assert neighbour.bytes_read == LONG_BYTES // 2

    assert with_engine(work) == ["it was ended by SIGKILL"] * 2


def test_cancelling_ends_the_job_and_keeps_the_worker(tmp_path: Path) -> None:
    async def work(engine: WorkerEngine) -> None:
        begun = asyncio.Event()
        with sparse_file(tmp_path / "endless", 1 << 43) as endless, sparse_file(tmp_path / "short", 9 * MIB) as short:
            for _ in range(3):  # more often than there are places
                begun.clear()
                reading = asyncio.create_task(engine.read(endless, blocks_only(1 << 43), lambda run: begun.set()))
                await begun.wait()
                first = engine.pid
                reading.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reading
            outcome = await asyncio.wait_for(engine.read(short, blocks_only(9 * MIB), lambda run: None), 5)
            assert outcome.bytes_read == 9 * MIB
            assert engine.pid == first

    assert with_engine(work) == []


def test_cancelling_before_the_worker_has_started_is_harmless(tmp_path: Path) -> None:
    async def work(engine: WorkerEngine) -> None:
        with sparse_file(tmp_path / "file", MIB) as descriptor:
            reading = asyncio.create_task(engine.read(descriptor, blocks_only(MIB), lambda run: None))
            await asyncio.sleep(0.005)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            assert (await engine.read(descriptor, blocks_only(MIB), lambda run: None)).all_zero

    assert with_engine(work) == []


def test_closing_fails_what_is_under_way(tmp_path: Path) -> None:
    async def work(engine: WorkerEngine) -> None:
        begun = asyncio.Event()
        with sparse_file(tmp_path / "endless", 1 << 43) as endless:
            calls = [engine.read(endless, blocks_only(1 << 43), lambda run: begun.set()) for _ in range(4)]
            reading = asyncio.gather(*calls, return_exceptions=True)
            await begun.wait()
            await engine.close()
            for failure in await reading:
                assert isinstance(failure, WorkerFailed)
                assert failure.message == "cannot examine the file: the digest engine is closed"

    assert with_engine(work) == []


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("garbage", "it answered nonsense: a frame makes no sense"),
        ("oversized", "it answered nonsense: a frame of 4294967295 bytes was announced"),
        ("broken-digest", "it answered nonsense: a run of blocks holds a part of a digest"),
        ("other-kind", "it answered nonsense: ReadDone does not answer job"),
        ("progress-of-a-header", "it answered nonsense: Progress does not answer job"),
        ("unknown-job", "it answered nonsense: nobody asked for job"),
        ("second-greeting", "it answered nonsense: it greeted twice"),
        ("other-version", "it answered nonsense: it speaks version 4, not 3"),
        ("half-a-frame", "it ended with status 3"),
        ("hangs-up", "it was ended by SIGKILL"),
        ("unknown-ping", "it answered nonsense: nobody sent ping 77"),
        ("silent", "it was silent for 0.3 s"),
        ("idles", "it was silent for 0.3 s"),
    ],
)
def test_a_rogue_worker_is_ended(tmp_path: Path, how: str, reason: str) -> None:
    async def work(engine: WorkerEngine) -> None:
        with sparse_file(tmp_path / "file", 10) as descriptor, pytest.raises(WorkerFailed) as failure:
            await engine.header(descriptor, "safetensors")
        assert reason in failure.value.message

    patience = Patience(examine_s=0.3, pulse_s=0.1) if how in ("silent", "idles") else Patience(examine_s=20)
    lost = with_engine(work, command=(sys.executable, "-P", str(ROGUE), how), patience=patience)
    assert len(lost) == 2
    assert all(item.startswith(reason) for item in lost)


def test_a_worker_that_is_stopped_is_replaced_and_its_read_is_done(tmp_path: Path) -> None:
    stopped: list[int] = []

    async def work(engine: WorkerEngine) -> None:
        def on_run(run: BlockRun) -> None:
            if not stopped:
                assert engine.pid is not None
                stopped.append(engine.pid)
                os.kill(engine.pid, signal.SIGSTOP)

        with sparse_file(tmp_path / "file", LONG_BYTES) as descriptor:
            assert (await engine.read(descriptor, blocks_only(LONG_BYTES), on_run)).bytes_read == LONG_BYTES
        assert engine.pid not in (None, *stopped)
        assert ends_within(stopped[0], 5)

    assert with_engine(work, patience=Patience(pulse_s=0.1, most_missed=10_000)) == ["it was stopped (SIGSTOP)"]


def test_a_worker_that_is_stopped_while_it_idles_is_noticed(tmp_path: Path) -> None:
    async def work(engine: WorkerEngine) -> None:
        with sparse_file(tmp_path / "file", 10) as descriptor:
            await engine.header(descriptor, "safetensors")
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGSTOP)
        while engine.pulses is not None:
            await asyncio.sleep(0.01)

    assert with_engine(work, patience=Patience(pulse_s=0.1, most_missed=10_000)) == ["it was stopped (SIGSTOP)"]


def test_a_worker_that_answers_no_pings_is_lost_long_before_its_job_takes_too_long(tmp_path: Path) -> None:
    async def work(engine: WorkerEngine) -> None:
        with sparse_file(tmp_path / "file", 10) as descriptor, pytest.raises(WorkerFailed, match="lost twice"):
            await engine.read(descriptor, blocks_only(10), lambda run: None)

    command = (sys.executable, "-P", str(ROGUE), "silent")
    lost = with_engine(work, command=command, patience=Patience(read_s=1000, pulse_s=0.05, most_missed=4))
    assert lost == ["it did not answer for 0.2 s"] * 2


def test_a_slow_disk_is_not_taken_for_a_dead_worker(tmp_path: Path) -> None:
    """The job is given up in the end, the worker never."""

    async def work(engine: WorkerEngine) -> None:
        with sparse_file(tmp_path / "file", 10) as descriptor, pytest.raises(WorkerRefused) as refusal:
            await engine.header(descriptor, "safetensors")
        assert refusal.value.errno_name == "ETIMEDOUT"
        assert "its storage has not answered" in refusal.value.message
        assert engine.pid is not None

    command = (sys.executable, "-P", str(ROGUE), "waits-for-storage")
    patience = Patience(examine_s=0.1, examine_storage_s=0.5, pulse_s=1.0)
    assert with_engine(work, command=command, patience=patience) == []


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("/nonexistent/worker",), "it cannot be started"),
        ((sys.executable, "-c", "raise SystemExit(7)"), "it ended with status 7"),
        ((sys.executable, "-P", str(ROGUE), "mute"), "it was silent for 0.3 s"),
    ],
)
def test_a_worker_that_does_not_start_is_told(tmp_path: Path, command: tuple[str, ...], reason: str) -> None:
    async def work(engine: WorkerEngine) -> None:
        with sparse_file(tmp_path / "file", 10) as descriptor, pytest.raises(WorkerFailed) as failure:
            await engine.header(descriptor, "safetensors")
        assert reason in failure.value.message

    with_engine(work, command=command, patience=Patience(start_s=0.3 if command[-1] == "mute" else 20))


def test_a_file_that_changes_while_it_is_read_is_not_stable(tmp_path: Path) -> None:
    path = tmp_path / "file"

    async def work(engine: WorkerEngine) -> None:
        for new_size in (LONG_BYTES + 1, 70 * MIB + 5):  # appended to, cut
            with sparse_file(path, LONG_BYTES) as descriptor:
                request = ReadRequest(LONG_BYTES, tuple(Algorithm))
                outcome = await engine.read(descriptor, request, partial(resize, path, new_size))
                assert not outcome.is_stable
                assert outcome.after[1] == new_size
                assert outcome.unreadable == ()

    assert with_engine(work) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_the_terminal_signals_is_not_for_the_worker(tmp_path: Path, number: signal.Signals) -> None:
    async def work(engine: WorkerEngine) -> None:
        with sparse_file(tmp_path / "file", 10) as descriptor:
            await engine.header(descriptor, "safetensors")
            assert engine.pid is not None
            os.kill(engine.pid, number)
            await engine.header(descriptor, "safetensors")

    assert with_engine(work) == []


def test_a_job_that_is_too_large_for_a_frame_is_refused() -> None:
    async def work(engine: WorkerEngine) -> None:
        with pytest.raises(WorkerRefused) as refusal:
            await engine.locate("safetensors", bytes(9 * MIB), [])
        assert refusal.value.errno_name == "EMSGSIZE"

    assert with_engine(work) == []


def resize(path: Path, size_bytes: int, run: BlockRun) -> None:
    os.truncate(path, size_bytes)


PARENT = """
import asyncio, os, sys, time
from wan_healthd.digest.engine import WorkerEngine
from wan_healthd.domain.digests import Algorithm
from wan_healthd.domain.ports import ReadRequest

async def main():
    engine = WorkerEngine(on_lost=print)
    def begun(run):
        if sys.argv[2] == "forked":
            if os.fork() == 0:
                time.sleep(30)
                os._exit(0)
        print(engine.pid, flush=True)
        sys.argv[2] = ""
        os.close(1)
    await engine.read(os.open(sys.argv[1], os.O_RDONLY), ReadRequest(1 << 43, (Algorithm.BLAKE3_1M,)), begun)

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["alone", "forked"])
def test_the_worker_ends_with_its_parent_in_the_middle_of_a_read(tmp_path: Path, kind: str) -> None:
    with sparse_file(tmp_path / "endless", 1 << 43):
        parent = subprocess.Popen(
            [sys.executable, "-P", "-c", PARENT, str(tmp_path / "endless"), kind],
            env=worker_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        with parent:
            assert parent.stdout is not None
            worker = int(parent.stdout.readline())
            try:
                parent.kill()
                assert ends_within(worker, 5)
            finally:
                os.killpg(parent.pid, signal.SIGKILL)


def test_the_loop_is_hardly_blocked_by_a_start(tmp_path: Path) -> None:
    async def work(engine: WorkerEngine) -> None:
        with sparse_file(tmp_path / "file", 10) as descriptor:
            begun = time.perf_counter()
            call = asyncio.create_task(engine.header(descriptor, "safetensors"))
            await asyncio.sleep(0)  # the task runs up to its first real wait: the process is started
            assert engine.pid is not None
            assert time.perf_counter() - begun < 0.5
            await call

    assert with_engine(work) == []
