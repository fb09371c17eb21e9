"""The library facade: requirement M8.1's expressions as they stand, each scenario in a process of its own.

A monitor keeps threads and a worker for the life of its process by design ("nothing needs closing"); here that life ends with
the scenario, and `in_own_process` sees to it that it ends promptly and that nothing outlives it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fakes.safetensors_files import sample
from tests.support.damage import block_of, cut, edit, flip_bit
from tests.support.own_process import in_own_process
from wan_healthd import (
    CorruptionReport,
    CorruptionType,
    HealthCheckConfig,
    HealthStatus,
    IntegrityResult,
    ModelHealthMonitor,
    PerformanceTrend,
    Severity,
    get_model_health_monitor,
)
from wan_healthd.domain.errors import InvalidRequest, NoDaemon, StateInUse, StoreUnusable
from wan_healthd.domain.process import LogLevel

FLIPPED_BYTE = 2_500_000
GOOD, OTHER = "good.safetensors", "other.safetensors"
BUSY_S = 1.0
"""How long a check is held up to see whether it holds up its caller."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two intact models of 3 MB in `models`; the scenario works beside them."""
    models = tmp_path / "models"
    models.mkdir()
    for seed, name in enumerate((GOOD, OTHER)):
        (models / name).write_bytes(sample(seed, 3_000_000, 12))
    return tmp_path


def flip(folder: Path, name: str = GOOD) -> None:
    edit(folder / "models" / name, flip_bit(FLIPPED_BYTE))


# The expressions of M8.1


async def expressions(_folder: Path) -> object:
    config = HealthCheckConfig()
    monitor = ModelHealthMonitor(models_dir="models", config=config)
    result = await monitor.check_model_integrity(GOOD)
    metrics = {
        "load_time_seconds": 5.0,
        "generation_time_seconds": 30.0,
        "memory_usage_mb": 4096.0,
        "vram_usage_mb": 8192.0,
        "cpu_usage_percent": 250.0,
        "throughput_fps": 1.5,
        "quality_score": 0.9,
        "error_rate": 0.0,
    }
    health = await monitor.monitor_model_performance(GOOD, metrics)
    corruption = await monitor.detect_corruption(GOOD)
    report = await monitor.get_health_report()
    return {
        "result": [result.health_status, result.is_healthy, result.issues, result.repair_suggestions],
        "health": [health.overall_score, health.bottlenecks, health.recommendations, health.performance_trend],
        "corruption": [corruption.corruption_detected, corruption.severity, corruption.repair_actions],
        "report": [report.overall_health_score, report.models_healthy, report.models_corrupted],
    }


def test_the_expressions_work_as_they_stand(folder: Path) -> None:
    assert in_own_process(expressions, folder) == {
        "result": ["healthy", True, [], []],
        "health": [1.0, [], [], "insufficient_data"],
        "corruption": [False, None, []],
        "report": [1.0, 2, 0],
    }


def test_enums_equal_their_lower_case_strings() -> None:
    for kind in (HealthStatus, CorruptionType, Severity, PerformanceTrend):
        for member in kind:
            assert member == member.name.lower()
            assert str(member) == member.value


# Healthy, corrupted, missing, unknown


async def healthy(_folder: Path) -> IntegrityResult:
    return await ModelHealthMonitor("models").check_model_integrity(GOOD)


def test_healthy(folder: Path) -> None:
    result = in_own_process(healthy, folder)
    assert result["health_status"] == "healthy"
    assert result["integrity_score"] == 1.0
    assert result["file_count"] == 1
    assert len(result["checksum"]) == 64
    assert result["last_checked"] is not None


async def corrupted(folder: Path) -> list[object]:
    monitor = ModelHealthMonitor("models")
    await monitor.check_model_integrity(GOOD)
    flip(folder)
    return [await monitor.check_model_integrity(GOOD), await monitor.detect_corruption(GOOD)]


def test_corrupted(folder: Path) -> None:
    result, report = in_own_process(corrupted, folder)
    path = folder / "models" / GOOD
    assert (result["health_status"], result["is_healthy"]) == ("corrupted", False)
    assert result["corruption_types"] == ["checksum_mismatch"]
    (issue,) = result["issues"]
    assert issue["path"] == str(path)
    assert issue["ranges"] == [block_of(FLIPPED_BYTE, path.stat().st_size)]
    assert issue["cause"] == "rewritten"
    assert result["repair_suggestions"]
    assert report["corruption_detected"]
    assert report["affected_files"] == [str(path)]
    assert report["severity"] == "high"
    assert report["repair_actions"]


async def damaged_from_the_start(folder: Path) -> IntegrityResult:
    edit(folder / "models" / GOOD, cut(1_000_000))
    return await ModelHealthMonitor("models").check_model_integrity(GOOD)


def test_damage_that_was_there_first_is_found_by_the_header(folder: Path) -> None:
    result = in_own_process(damaged_from_the_start, folder)
    assert result["health_status"] == "corrupted"
    assert result["corruption_types"] == ["incomplete_download"]


async def missing(folder: Path) -> list[IntegrityResult]:
    monitor = ModelHealthMonitor("models")
    await monitor.check_model_integrity(GOOD)
    (folder / "models" / GOOD).unlink()
    return [await monitor.check_model_integrity(GOOD), await monitor.check_model_integrity("no such model")]


def test_missing(folder: Path) -> None:
    vanished, never_seen = in_own_process(missing, folder)
    for result in (vanished, never_seen):
        assert (result["health_status"], result["is_healthy"]) == ("missing", False)
        assert result["corruption_types"] == ["file_missing"]
        assert result["integrity_score"] == 0.0


async def leads_outside(folder: Path) -> IntegrityResult:
    (folder / "models" / GOOD).rename(folder / GOOD)
    (folder / "models" / GOOD).symlink_to(folder / GOOD)
    return await ModelHealthMonitor("models").check_model_integrity(GOOD)


def test_what_cannot_be_looked_at_is_unknown(folder: Path) -> None:
    result = in_own_process(leads_outside, folder)
    assert (result["health_status"], result["is_healthy"]) == ("unknown", False)


async def root_goes_away(folder: Path) -> list[HealthStatus]:
    wan = folder / "models" / "wan"
    wan.mkdir()
    (wan / "config.json").write_text('{"_class_name": "WanModel"}')
    (folder / "models" / OTHER).rename(wan / OTHER)
    monitor = ModelHealthMonitor("models")
    before = [await monitor.check_model_integrity(name) for name in ("wan", GOOD)]
    (folder / "models").rename(folder / "elsewhere")
    without = [await monitor.check_model_integrity(name) for name in ("wan", GOOD)]
    (folder / "elsewhere").rename(folder / "models")
    after = [await monitor.check_model_integrity(name) for name in ("wan", GOOD)]
    return [result.health_status for result in (*before, *without, *after)]


def test_a_root_that_is_gone_makes_its_models_unknown_until_it_is_back(folder: Path) -> None:
    assert in_own_process(root_goes_away, folder) == ["healthy"] * 2 + ["unknown"] * 2 + ["healthy"] * 2


async def all_kinds(folder: Path) -> object:
    models = folder / "models"
    for seed, name in enumerate(("gone", "hidden", "elsewhere"), 10):
        (models / f"{name}.safetensors").write_bytes(sample(seed, 100_000, 6))
    monitor = ModelHealthMonitor("models")
    await monitor.get_health_report()
    flip(folder)
    (models / "gone.safetensors").unlink()
    (models / "hidden.safetensors").chmod(0o200)
    (models / "elsewhere.safetensors").rename(folder / "elsewhere.safetensors")
    (models / "elsewhere.safetensors").symlink_to(folder / "elsewhere.safetensors")
    return await monitor.get_health_report()


def test_a_report_counts_each_kind(folder: Path) -> None:
    report = in_own_process(all_kinds, folder)
    kinds = ("healthy", "degraded", "corrupted", "missing", "unknown")
    assert {kind: report[f"models_{kind}"] for kind in kinds} == dict.fromkeys(kinds, 1)
    assert len(report["detailed_reports"]) == len(kinds)
    assert 0 < report["overall_health_score"] < 1
    assert 0 < report["storage_usage_percent"] <= 100
    assert any(line.startswith(f"{GOOD}: ") for line in report["recommendations"])


# Callbacks


async def callbacks(folder: Path) -> object:
    monitor, told = ModelHealthMonitor("models"), Told()
    loop = asyncio.get_running_loop()

    async def with_patience(result: IntegrityResult) -> None:
        await asyncio.sleep(0.05)
        told.say("async", result.health_status, asyncio.get_running_loop() is loop)

    def raising(_value: object) -> None:
        raise ValueError("a callback of somebody else's")

    async def raising_later(_value: object) -> None:
        raising(_value)

    monitor.add_health_callback(raising)
    monitor.add_health_callback(raising_later)
    monitor.add_health_callback(lambda result: told.say("plain", result.health_status, asyncio.get_running_loop() is loop))
    monitor.add_health_callback(with_patience)
    monitor.add_corruption_callback(raising)
    monitor.add_corruption_callback(lambda report: told.say("corruption", report.corruption_detected))
    await monitor.check_model_integrity(GOOD)
    after_the_first = list(told.words)
    flip(folder)
    await monitor.detect_corruption(GOOD)
    return [after_the_first, told.words[len(after_the_first) :]]


class Told:
    """What callbacks were told, in order."""

    def __init__(self) -> None:
        self.words: list[list[object]] = []

    def say(self, *words: object) -> None:
        self.words.append(list(words))


def test_callbacks_are_told_before_the_check_returns_and_one_that_raises_harms_nobody(folder: Path) -> None:
    first, second = in_own_process(callbacks, folder)
    assert first == [["plain", "healthy", True], ["async", "healthy", True], ["corruption", False]]
    assert second == [["plain", "corrupted", True], ["async", "corrupted", True], ["corruption", True]]


def callbacks_between_runs(folder: Path) -> object:
    monitor, told = ModelHealthMonitor("models"), Told()

    async def with_patience(result: IntegrityResult) -> None:
        await asyncio.sleep(0.01)
        told.say("async", result.model_id)

    async def register() -> None:
        monitor.add_health_callback(lambda result: told.say("plain", result.model_id))
        monitor.add_health_callback(with_patience)
        await monitor.check_model_integrity(GOOD)

    monitor.add_health_callback(lambda result: told.say("before any loop", result.model_id))
    asyncio.run(register())
    asyncio.run(monitor.check_model_integrity(OTHER))
    return told.words


def test_callbacks_of_an_event_loop_that_ended_are_still_called(folder: Path) -> None:
    said = in_own_process(callbacks_between_runs, folder)
    each = ["before any loop", "plain", "async"]
    assert said == [[who, name] for name in (GOOD, OTHER) for who in each]


class Asking:
    """An async callback that asks for a check itself, once."""

    def __init__(self, monitor: ModelHealthMonitor) -> None:
        self._monitor = monitor
        self.found: list[HealthStatus] = []

    async def __call__(self, result: IntegrityResult) -> None:
        if result.model_id == GOOD:
            self.found.append((await self._monitor.check_model_integrity(OTHER)).health_status)


async def callback_that_checks(_folder: Path) -> object:
    monitor = ModelHealthMonitor("models")
    asking = Asking(monitor)
    monitor.add_health_callback(asking)
    began = time.monotonic()
    await monitor.check_model_integrity(GOOD)
    return [asking.found, time.monotonic() - began]


def callback_without_a_loop_that_checks(_folder: Path) -> object:
    monitor = ModelHealthMonitor("models")
    asking = Asking(monitor)
    monitor.add_health_callback(asking)
    began = time.monotonic()
    asyncio.run(monitor.check_model_integrity(GOOD))
    return [asking.found, time.monotonic() - began]


def test_a_callback_may_ask_for_a_check(folder: Path) -> None:
    found, took_s = in_own_process(callback_that_checks, folder)
    assert found == ["healthy"]
    assert took_s < 4, "the check waited in vain for a callback that waited for it"


def test_a_callback_that_was_added_outside_any_loop_may_ask_for_a_check(folder: Path) -> None:
    found, took_s = in_own_process(callback_without_a_loop_that_checks, folder)
    assert found == ["healthy"]
    assert took_s < 4, "the check waited in vain for a callback that waited for it"


# The schedule


async def schedule(folder: Path) -> object:
    monitor = ModelHealthMonitor("models")
    results: asyncio.Queue[IntegrityResult] = asyncio.Queue()
    reports: asyncio.Queue[CorruptionReport] = asyncio.Queue()
    monitor.add_health_callback(results.put_nowait)
    monitor.add_corruption_callback(reports.put_nowait)
    await monitor.stop_health_checks()  # before any start: no error
    await monitor.schedule_health_checks()
    await monitor.schedule_health_checks()
    first = [await asyncio.wait_for(results.get(), 10) for _ in (GOOD, OTHER)]
    flip(folder)
    found = await _next_of(results, GOOD)
    damaged = [report async for report in _clean_out(reports) if report.corruption_detected]
    await monitor.stop_health_checks()
    await monitor.stop_health_checks()
    flip(folder, OTHER)
    await asyncio.sleep(0.5)
    stopped_saw = results.qsize()
    await monitor.schedule_health_checks()
    again = await _next_of(results, OTHER)
    return {
        "first": sorted((result.model_id, result.health_status) for result in first),
        "found": found.health_status,
        "reported": [report.model_id for report in damaged],
        "seen while stopped": stopped_saw,
        "again": again.health_status,
        "report": (await monitor.get_health_report()).models_corrupted,
    }


async def _next_of(results: asyncio.Queue[IntegrityResult], model_id: str) -> IntegrityResult:
    while True:
        result = await asyncio.wait_for(results.get(), 10)
        if result.model_id == model_id:
            return result


async def _clean_out(reports: asyncio.Queue[CorruptionReport]) -> Any:
    """All reports up to the one that belongs to the last result."""
    while True:
        report = await asyncio.wait_for(reports.get(), 10)
        yield report
        if report.corruption_detected:
            return


def test_the_schedule_checks_all_and_sees_changes_until_it_is_stopped(folder: Path) -> None:
    assert in_own_process(schedule, folder) == {
        "first": [[GOOD, "healthy"], [OTHER, "healthy"]],
        "found": "corrupted",
        "reported": [GOOD],
        "seen while stopped": 0,
        "again": "corrupted",
        "report": 2,
    }


# One monitor, many callers


def several_runs(folder: Path) -> object:
    monitor = ModelHealthMonitor("models")
    statuses = [asyncio.run(monitor.check_model_integrity(GOOD)).health_status]
    flip(folder)
    statuses.append(asyncio.run(monitor.check_model_integrity(GOOD)).health_status)
    flip(folder)
    statuses.append(asyncio.run(monitor.check_model_integrity(GOOD)).health_status)
    return statuses


def test_one_monitor_serves_several_event_loops(folder: Path) -> None:
    assert in_own_process(several_runs, folder) == ["healthy", "corrupted", "healthy"]


async def concurrent_checks(folder: Path) -> object:
    monitor = ModelHealthMonitor("models")
    first = await asyncio.gather(*(monitor.check_model_integrity(name) for name in (GOOD, GOOD, OTHER)))
    flip(folder)
    second = await asyncio.gather(*(monitor.check_model_integrity(name) for name in (GOOD, GOOD, OTHER)))
    return [result.health_status for result in (*first, *second)]


def test_concurrent_checks_agree(folder: Path) -> None:
    assert in_own_process(concurrent_checks, folder) == ["healthy"] * 3 + ["corrupted"] * 2 + ["healthy"]


async def busy(_folder: Path) -> object:
    monitor = ModelHealthMonitor("models")
    ticks: list[float] = []
    ticker = asyncio.ensure_future(_tick(ticks))
    await monitor.schedule_health_checks()
    await monitor.check_model_integrity(GOOD)
    worker = psutil.Process().children()[0]
    took_s = {}
    for name, verb in {
        "check": monitor.check_model_integrity(GOOD, full=True),
        "full check of the other": monitor.check_model_integrity(OTHER, full=True),
    }.items():
        began = time.monotonic()
        worker.suspend()
        waiting = asyncio.ensure_future(verb)
        await asyncio.sleep(BUSY_S)
        worker.resume()
        await waiting
        took_s[name] = time.monotonic() - began
    await monitor.monitor_model_performance(GOOD, {})
    await monitor.detect_corruption(GOOD)
    await monitor.get_health_report()
    await monitor.stop_health_checks()
    ticker.cancel()
    longest_s = max(after - before for before, after in itertools.pairwise(ticks))
    return [took_s, longest_s]


async def _tick(ticks: list[float]) -> None:
    while True:
        ticks.append(time.monotonic())
        await asyncio.sleep(0.01)


def test_no_verb_blocks_the_callers_loop(folder: Path) -> None:
    took_s, longest_pause_s = in_own_process(busy, folder)
    assert all(seconds >= BUSY_S for seconds in took_s.values())
    assert longest_pause_s < BUSY_S / 2


async def singleton(folder: Path) -> object:
    empty = folder / "empty"
    empty.mkdir()
    os.chdir(empty)
    monitor = get_model_health_monitor()
    result = await monitor.check_model_integrity("any")
    report = await monitor.get_health_report()
    return [get_model_health_monitor() is monitor, result.health_status, len(report.detailed_reports)]


def test_the_singleton_tolerates_an_absent_models_folder(folder: Path) -> None:
    assert in_own_process(singleton, folder) == [True, "missing", 0]


# State


async def with_state(_folder: Path) -> HealthStatus:
    return (await ModelHealthMonitor("models", state="state.db").check_model_integrity(GOOD)).health_status


async def state_is_taken(folder: Path) -> object:
    monitor = ModelHealthMonitor("models", state="state.db")
    await monitor.check_model_integrity(GOOD)
    return await asyncio.to_thread(in_own_process, try_taken_state, folder)


async def try_taken_state(_folder: Path) -> str:
    try:
        await ModelHealthMonitor("models", state="state.db").check_model_integrity(GOOD)
    except StateInUse as error:
        return error.message
    return ""


def test_what_was_learnt_outlives_the_process(folder: Path) -> None:
    assert in_own_process(with_state, folder) == "healthy"
    flip(folder)
    assert in_own_process(with_state, folder) == "corrupted"
    flip(folder)
    assert in_own_process(with_state, folder) == "healthy"


def test_without_a_state_nothing_outlives_the_process(folder: Path) -> None:
    assert in_own_process(healthy, folder)["health_status"] == "healthy"
    flip(folder)
    assert in_own_process(healthy, folder)["health_status"] == "healthy"


def test_a_state_serves_one_process_at_a_time(folder: Path) -> None:
    assert "another wan-healthd works on it" in in_own_process(state_is_taken, folder)


# The end


async def killed_worker(_folder: Path) -> object:
    monitor = ModelHealthMonitor("models")
    await monitor.check_model_integrity(GOOD)
    (worker,) = psutil.Process().children()
    worker.send_signal(signal.SIGKILL)
    return (await monitor.check_model_integrity(GOOD, full=True)).health_status


def test_a_lost_worker_is_replaced(folder: Path) -> None:
    assert in_own_process(killed_worker, folder) == "healthy"


async def scheduled_and_left(_folder: Path) -> None:
    monitor = ModelHealthMonitor("models", state="state.db")
    await monitor.schedule_health_checks()


def test_the_interpreter_ends_promptly_in_the_midst_of_work(folder: Path) -> None:
    in_own_process(scheduled_and_left, folder)  # which measures it


# Performance


async def bad_metrics(_folder: Path) -> object:
    monitor = ModelHealthMonitor("models")
    refusals = []
    for metrics in ({"load_time": 5.0}, {"load_time_seconds": -1.0}, {"error_rate": 2.0}, {"vram_usage_mb": "much"}):
        try:
            await monitor.monitor_model_performance(GOOD, metrics)
        except InvalidRequest as error:
            refusals.append([error.message, error.suggestion])
    return refusals


def test_metrics_that_make_no_sense_are_refused_by_name(folder: Path) -> None:
    refusals = in_own_process(bad_metrics, folder)
    assert len(refusals) == 4
    for (message, suggestion), name in zip(
        refusals, ("load_time", "load_time_seconds", "error_rate", "vram_usage_mb"), strict=True
    ):
        assert message.startswith("cannot record the generation: ")
        assert name in message
        assert "load_time_seconds" in suggestion


async def state_becomes_usable(folder: Path) -> object:
    """The first call fails; a callback that is added after that must be there when a later call succeeds."""
    monitor = ModelHealthMonitor("models", state="later/state.db")
    heard: list[str] = []
    try:
        await monitor.check_model_integrity(GOOD)
    except StoreUnusable as error:
        first = error.message
    monitor.add_health_callback(lambda result: heard.append(result.model_id))
    (folder / "later").mkdir()
    result = await monitor.check_model_integrity(GOOD)
    return {"first": first, "status": result.health_status, "heard": heard}


def test_a_state_that_becomes_usable_is_used_and_no_callback_is_lost(folder: Path) -> None:
    told = in_own_process(state_becomes_usable, folder)
    assert told["first"].startswith("cannot write in the state folder")
    assert (told["status"], told["heard"]) == ("healthy", [GOOD])


async def without_a_daemon(_folder: Path) -> None:
    monitor = ModelHealthMonitor("models")
    assert (await monitor.check_model_integrity(GOOD)).is_healthy
    assert (await monitor.gate(GOOD)).go
    with pytest.raises(NoDaemon, match="cannot reload"):
        await monitor.reload()
    with pytest.raises(NoDaemon, match="cannot set the level"):
        await monitor.set_log_level(LogLevel.DEBUG)


def test_the_gate_stands_in_a_program_and_the_daemons_switches_do_not(folder: Path) -> None:
    in_own_process(without_a_daemon, folder)
