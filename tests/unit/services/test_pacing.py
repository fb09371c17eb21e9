"""Pacing sweeps: quiet hours, a busy disk, a rate; and that nobody who waits for an answer is made to wait for others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from tests.fakes.clock import FakeClock
from tests.fakes.safetensors_files import sample
from tests.fakes.workshop import Workshop
from tests.support import virtual_time
from tests.unit.services.scenario import FILE, MODEL, play
from wan_healthd.domain.busy_disk import DiskSample
from wan_healthd.domain.busy_processor import ProcessorSample
from wan_healthd.domain.digests import BLOCK_BYTES
from wan_healthd.domain.making_way import YieldReason
from wan_healthd.domain.occupation import GpuLook, Occupation
from wan_healthd.domain.politeness import SLOW_BYTES_PER_S, MadeWay, WhileGenerating, Yielding
from wan_healthd.domain.ports import ReadMode
from wan_healthd.domain.settings import SweepSettings
from wan_healthd.services.at_work import AtWork
from wan_healthd.services.budget import BudgetWatch
from wan_healthd.services.conduct import INCREMENTAL
from wan_healthd.services.gpu_watch import UNKNOWN, GpuWatch
from wan_healthd.services.long_waits import LongWaits
from wan_healthd.services.pacing import PUT_DOWN_S, Pacer
from wan_healthd.services.queue import Priority, Task, Ticket

T = TypeVar("T")
WEIGHTS = sample(1, 3 * BLOCK_BYTES, 3)
SMALL = sample(2, 4000, 2)
HOUR_S = 3600.0


class Engine:
    """The part of the engine that is paced; remembers how."""

    def __init__(self) -> None:
        self.pid = None
        self.is_in_demand = False
        self._pace: float | None = None

    def asked(self) -> float | None:
        return self._pace

    def set_pace(self, bytes_per_s: float | None) -> None:
        self._pace = bytes_per_s


class Neighbours:
    """What can be seen of others: who announced a generation, and how busy the graphics processor and the processors are."""

    def __init__(self) -> None:
        self.occupation: Occupation | None = None
        self.gpu_percent = 0
        self.is_computing = False
        self.notes: list[str] = []
        self.complaints: list[str] = []
        self.gpu_looks = 0
        self._samples = [ProcessorSample(0.0, 0.0, 0.0, 2)]

    def look(self) -> tuple[GpuLook, ...]:
        self.gpu_looks += 1
        return (GpuLook("NVIDIA H100", self.gpu_percent),)

    def close(self) -> None:
        """Nothing is held."""

    def compute(self, _pid: int | None) -> ProcessorSample:
        last = self._samples[-1]
        self._samples.append(ProcessorSample(last.at_s + 1, last.used_s + 2.0 * self.is_computing, 0.0, 2))
        return self._samples[-1]


class Disk:
    """Each look finds that others moved `foreign` more bytes, half a second later."""

    def __init__(self) -> None:
        self.foreign = 0
        self._looks = self._samples()

    def look(self, _pid: int | None) -> DiskSample | None:
        return next(self._looks)

    def _samples(self) -> Iterator[DiskSample]:
        at_s, moved = 0.0, 0
        while True:
            yield DiskSample(at_s, moved, 0)
            at_s, moved = at_s + 0.5, moved + self.foreign


def pacer(
    shop: Workshop,
    settings: SweepSettings,
    engine: Engine,
    disk: Disk | None = None,
    others: Neighbours | None = None,
    gpus: GpuWatch | None = None,
) -> Pacer:
    others = others or Neighbours()
    return Pacer(
        settings,
        engine,
        shop.queue,
        shop.pauses,
        shop.clock,
        at_work=AtWork(settings.mode, shop.clock, shop.threads, (disk or Disk()).look, others.compute),
        gpus=gpus or gpu_watch(shop, others),
        announced=lambda: others.occupation,
        long_waits=LongWaits(shop.clock, lambda: True, others.notes.append),
        zone=UTC,
    )


def gpu_watch(shop: Workshop, others: Neighbours) -> GpuWatch:
    return GpuWatch(others, shop.threads, shop.clock, lambda what, error: others.complaints.append(what))


def shown(paced: Pacer) -> Yielding | None:
    return paced.yielding


async def due(shop: Workshop) -> Ticket:
    """A sweep comes by the file; returns when it is being read, and stays there until `stuck` is taken away."""
    ticket, stuck = Ticket(), asyncio.Event()
    shop.engine.stuck = stuck
    await shop.queue.put(Task(shop.path(FILE), shop.root, Priority.DUE, (MODEL,), full=True), ticket)
    await stuck.wait()
    return ticket


def test_in_quiet_hours_sweeps_read_nothing_and_go_on_afterwards(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:  # it is midnight, of which the quiet hours begin at one
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        paced = pacer(shop, SweepSettings(quiet_hours=("01:00-07:00",)), Engine())
        await paced.look()
        assert shown(paced) is None
        shop.clock.advance(60)
        ticket = await due(shop)
        shop.clock.advance(HOUR_S)
        await paced.look()
        assert paced.is_waiting
        assert shown(paced) == Yielding(YieldReason.QUIET_HOURS, shop.clock.now(), datetime(2026, 1, 1, 7, tzinfo=UTC))
        while shop.queue.active:
            await asyncio.sleep(0.005)
        assert ticket.left == 1, "put down, not given up"
        shop.crew.start(shop.conductor.run())
        shop.conductor.ask(INCREMENTAL)
        shop.engine.stuck = None
        shop.put("other/w.safetensors", SMALL)
        await shop.judge("other/w.safetensors")
        assert (ticket.left, shop.conductor.waiting_sweeps) == (1, (INCREMENTAL,)), "what just changed does not wait"
        shop.clock.advance(6 * HOUR_S)
        await paced.look()
        assert shown(paced) is None
        await ticket.wait()
        while "sweep-finished" not in await shop.told():
            await asyncio.sleep(0.01)

    play(tmp_path, scenario)


def test_the_end_of_quiet_hours_ends_no_pause(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        await shop.pauses.pause(0, "")
        paced = pacer(shop, SweepSettings(quiet_hours=("00:00-00:30",)), Engine())
        await paced.look()
        await shop.pauses.resume(0)
        over = asyncio.ensure_future(shop.pauses.over())
        await asyncio.sleep(0)
        assert not over.done(), "nor does the end of a pause end quiet hours"
        await shop.pauses.pause(0, "")
        shop.clock.advance(HOUR_S)
        await paced.look()
        assert shown(paced) is None and not over.done()
        await shop.pauses.resume(0)
        await over

    play(tmp_path, scenario)


def test_a_busy_disk_slows_a_sweep_until_somebody_waits_for_it(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        shop.clock.advance(60)
        engine, disk = Engine(), Disk()
        paced = pacer(shop, SweepSettings(max_rate=90_000_000), engine, disk)
        assert engine.asked() == 90_000_000
        disk.foreign = 100_000_000
        await paced.look()
        assert engine.asked() == 90_000_000, "nobody looks at the disk while nothing is swept"
        ticket = await due(shop)
        assert (shop.engine.requests[-1].is_paced, shop.engine.requests[-1].mode) == (True, ReadMode.POLITE)
        await paced.look()
        await paced.look()
        assert engine.asked() == SLOW_BYTES_PER_S
        assert not paced.is_waiting
        assert shown(paced) == Yielding(YieldReason.BUSY_DISK, shop.clock.now(), None, SLOW_BYTES_PER_S)
        engine.is_in_demand = True
        await paced.look()
        assert engine.asked() is None
        engine.is_in_demand, disk.foreign = False, 0
        for _ in range(8):
            await paced.look()
        assert (engine.asked(), shown(paced)) == (90_000_000, None)
        asked = asyncio.ensure_future(shop.judge(FILE))
        while not shop.queue.is_in_the_way:
            await asyncio.sleep(0.005)
        await paced.look()
        assert engine.asked() is None, "what somebody waits for is being read by the sweep"
        shop.engine.stuck = None
        shop.inspector.put_down()
        await asked
        await ticket.wait()

    play(tmp_path, scenario)


def test_only_sweeps_are_paced_and_idle_ones_stop(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        engine, disk = Engine(), Disk()
        paced = pacer(shop, SweepSettings(mode=ReadMode.IDLE), engine, disk)
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        assert not any(request.is_paced for request in shop.engine.requests)
        shop.clock.advance(60)
        ticket = await due(shop)
        disk.foreign = 100_000_000
        await paced.look()
        await paced.look()
        assert (engine.asked(), paced.is_waiting) == (0, True)
        shop.engine.stuck = None
        shop.inspector.put_down()
        await ticket.wait()
        await paced.look()
        assert (engine.asked(), paced.is_waiting) == (None, False)

    play(tmp_path, scenario)


def test_a_generation_has_a_read_wait_and_puts_it_down_if_it_lasts(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        shop.clock.advance(60)
        engine, others = Engine(), Neighbours()
        paced = pacer(shop, SweepSettings(mode=ReadMode.FULL), engine, others=others)
        ticket = await due(shop)
        began = shop.clock.now()
        others.occupation = Occupation("uid 1000: Wan2.2-T2V-A14B", began, began + timedelta(hours=1))
        await paced.look()
        assert (engine.asked(), paced.is_waiting, len(shop.queue.active)) == (0, True, 1), "it waits where it is"
        expected = Yielding(YieldReason.GENERATION, began, began + timedelta(hours=1), 0, "uid 1000: Wan2.2-T2V-A14B")
        assert shown(paced) == expected
        others.occupation = None
        await paced.look()
        assert (engine.asked(), shown(paced)) == (None, None), "a short one costs nothing"
        others.occupation = Occupation("uid 1000: Wan2.2-T2V-A14B", began, began + timedelta(hours=1))
        await paced.look()
        shop.clock.advance(PUT_DOWN_S)
        await paced.look()
        while shop.queue.active:
            await asyncio.sleep(0.005)
        assert ticket.left == 1, "put down, not given up"
        shop.engine.stuck = None
        shop.put("other/w.safetensors", SMALL)
        await shop.judge("other/w.safetensors")
        assert ticket.left == 1, "what just changed does not wait"
        others.occupation = None
        await paced.look()
        await ticket.wait()

    play(tmp_path, scenario)


def test_a_busy_gpu_is_seen_while_a_sweep_reads_and_waited_for(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        shop.clock.advance(60)
        engine, others = Engine(), Neighbours()
        gpus = gpu_watch(shop, others)
        paced = pacer(shop, SweepSettings(while_generating=WhileGenerating.SLOW), engine, others=others, gpus=gpus)
        running = asyncio.ensure_future(paced.run())
        others.gpu_percent = 97
        await asyncio.sleep(0)
        assert others.gpu_looks == 0, "nobody looks while nothing is swept"
        ticket = await due(shop)
        while shown(paced) is None:
            shop.clock.advance(1)
            await gpus.look()
            await asyncio.sleep(0.01)
        assert shown(paced) == Yielding(YieldReason.BUSY_GPU, shop.clock.now(), None, SLOW_BYTES_PER_S, "NVIDIA H100")
        assert engine.asked() == SLOW_BYTES_PER_S
        others.gpu_percent = 3
        shop.clock.advance(30)
        while shown(paced) is not None:
            await asyncio.sleep(0.01)
        running.cancel()
        shop.engine.stuck = None
        shop.inspector.put_down()
        await ticket.wait()
        assert others.complaints == []

    play(tmp_path, scenario)


def test_a_driver_that_hangs_is_told_once_and_holds_up_nothing() -> None:
    async def scenario() -> None:
        others, told = Neighbours(), []
        silent = asyncio.Event()

        class Hanging:
            async def run(self, call: Callable[[], T]) -> T:
                await silent.wait()
                return call()

        watch = GpuWatch(others, Hanging(), FakeClock(), lambda what, error: told.append(what))
        await watch.look()
        await watch.look()
        await watch.rest()
        assert watch.busy is None and others.gpu_looks == 0
        silent.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await watch.look()
        assert others.gpu_looks == 2, "the first look came back after all; then it is asked again"
        assert told == [f"{UNKNOWN}its driver did not answer within 5 s"]

    virtual_time.run(scenario())


def test_a_long_wait_is_told_once_with_its_reason_and_so_is_its_end(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        others = Neighbours()
        paced = pacer(shop, SweepSettings(), Engine(), others=others)
        others.occupation = Occupation("uid 7: a generation", shop.clock.now(), shop.clock.now() + timedelta(hours=1))
        for _ in range(100):
            await paced.look()
            shop.clock.advance(10)
        others.occupation = None
        for _ in range(10):
            await paced.look()
            shop.clock.advance(10)
        until = datetime(2026, 1, 1, 1, tzinfo=UTC).astimezone()
        assert others.notes == [
            "sweeps have made way for 10 min; "
            f"sweeps wait: a generation runs (uid 7: a generation), until {until:%H:%M} at the latest",
            "sweeps go on, after they made way for 16 min",
        ]
        assert paced.made_way == (MadeWay(YieldReason.GENERATION, 1000),)

    play(tmp_path, scenario)


def test_who_computes_slows_a_polite_sweep(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        shop.clock.advance(60)
        engine, others = Engine(), Neighbours()
        paced = pacer(shop, SweepSettings(), engine, others=others)
        ticket = await due(shop)
        others.is_computing = True
        await paced.look()
        shop.clock.advance(1)
        await paced.look()
        assert engine.asked() == SLOW_BYTES_PER_S
        assert shown(paced) == Yielding(YieldReason.BUSY_PROCESSOR, shop.clock.now(), None, SLOW_BYTES_PER_S)
        others.is_computing = False
        for _ in range(6):
            shop.clock.advance(1)
            await paced.look()
        assert (engine.asked(), shown(paced)) == (None, None)
        shop.engine.stuck = None
        shop.inspector.put_down()
        await ticket.wait()

    play(tmp_path, scenario)


def test_a_rate_that_is_too_low_is_told_once_with_its_numbers(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        shop.put(FILE, WEIGHTS)
        await shop.judge(FILE)
        hurried = BudgetWatch(shop.database, shop.conditions, SweepSettings(full_every=1.0, max_rate=1_000_000))
        await hurried.look()
        await hurried.look()
        (finding,) = hurried.findings
        assert finding.message.startswith(
            "not everything can be read every 1 s: 3.1 MB take 3.1 MB/s, and sweeps may read 1.0 "
        )
        assert finding.is_advice and "more than 3 s" in finding.suggestion
        assert (await shop.told()).count("sweeps-too-slow") == 1
        calm = BudgetWatch(shop.database, shop.conditions, SweepSettings(max_rate=1_000_000))
        await calm.look()
        assert calm.findings == ()
        assert "condition-cleared" in await shop.told()

    play(tmp_path, scenario)
