"""Publishing: state, events and alerts, each exactly once."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import msgspec
import pytest

from tests.fakes.workshop import Workshop
from tests.unit.services.scenario import FILE, MODEL, OTHER, WEIGHTS, play
from wan_healthd.domain.alerts import ADVICE_GIVEN, CORRUPTION_FOUND, MODEL_DEGRADED, AlertKind
from wan_healthd.domain.catalogue import (
    CHECKSUM_MISMATCH,
    FILE_MISSING,
    PERMISSION_DENIED,
    TRANSIENT_READ,
    UNJUDGED,
)
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.files import FileLook, Presence
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.services.changes import Change, compare_findings
from wan_healthd.services.orders import Order
from wan_healthd.services.publish import Judgement
from wan_healthd.services.queue import Priority
from wan_healthd.services.tidings import kind_of


def mismatch(offset: int = 0) -> Finding:
    span = ByteRange(offset, 1)
    return CHECKSUM_MISMATCH.at(b"/f", authority="baseline", what=f"{offset}", why="x", cure="y", ranges=(span,))


BETTER_KNOWN = msgspec.structs.replace(mismatch(1), tensors=("a.weight",))
MISSING = FILE_MISSING.at(b"/f", what="gone")
DENIED = PERMISSION_DENIED.at(b"/f", what="x", cure="y")
TRANSIENT = TRANSIENT_READ.at(b"/f", what="x")
BEING_WRITTEN = UNJUDGED.at(b"/f", what="x", cure="y")


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ([], [], Change()),
        ([], [MISSING], Change(opened=(MISSING,))),
        ([MISSING], [MISSING], Change()),
        ([MISSING], [], Change(cleared=(MISSING,))),
        ([mismatch(1)], [mismatch(2)], Change(changed=(mismatch(2),), reworded=(mismatch(2),))),
        ([mismatch(1)], [BETTER_KNOWN], Change(changed=(BETTER_KNOWN,))),
        ([MISSING, mismatch(1)], [mismatch(1), DENIED], Change(opened=(DENIED,), cleared=(MISSING,))),
    ],
)
def test_what_changed(before: list[Finding], after: list[Finding], change: Change) -> None:
    assert compare_findings(before, after) == change
    assert bool(change) == (change != Change())


@pytest.mark.parametrize(
    ("finding", "kind"), [(MISSING, CORRUPTION_FOUND), (DENIED, MODEL_DEGRADED), (TRANSIENT, ADVICE_GIVEN)]
)
def test_which_alert(finding: Finding, kind: AlertKind) -> None:
    assert kind_of(finding) is kind


async def known(shop: Workshop) -> None:
    """FILE is enrolled, but was not judged."""
    shop.put(FILE, WEIGHTS)
    await shop.sweep(Order(Priority.DUE, judges=False))


async def judge(shop: Workshop, *findings: Finding, is_final: bool = True) -> None:
    state = await shop.state(FILE)
    assert state is not None
    await shop.publisher.judged(Judgement(state.record, FileLook(Presence.FILE), findings, None, is_final=is_final))


def test_each_change_is_told_once(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        await known(shop)
        seen = len(await shop.events())
        steps: list[tuple[list[Finding], list[str], list[str]]] = [
            ([mismatch(1)], ["finding-opened", "status-changed"], ["corruption-found"]),
            ([mismatch(1)], [], []),
            ([mismatch(2)], ["finding-changed"], ["corruption-found"]),
            ([mismatch(2), TRANSIENT], ["finding-opened"], ["advice-given"]),
            ([TRANSIENT], ["finding-cleared", "status-changed"], ["finding-cleared"]),
            ([BEING_WRITTEN], ["finding-opened", "finding-cleared", "status-changed"], ["finding-cleared"]),
            ([], ["finding-cleared", "status-changed"], []),
        ]
        for findings, kinds, alerts in steps:
            shop.sink.alerts.clear()
            await judge(shop, *findings)
            fresh = (await shop.events())[seen:]
            assert [event.kind for event in fresh] == kinds
            assert all(event.model_id == MODEL for event in fresh)
            assert shop.sink.names == alerts
            seen += len(fresh)

    play(tmp_path, scenario, lanes=False)


def test_verdicts_follow_the_findings(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        await known(shop)
        steps = [
            ([], HealthStatus.HEALTHY),
            ([TRANSIENT], HealthStatus.HEALTHY),
            ([DENIED], HealthStatus.DEGRADED),
            ([mismatch(1)], HealthStatus.CORRUPTED),
            ([BEING_WRITTEN], HealthStatus.UNKNOWN),
            ([MISSING], HealthStatus.MISSING),
        ]
        for findings, status in steps:
            shop.clock.advance(10)
            await judge(shop, *findings)
            result = await shop.result(MODEL)
            assert result.health_status is status
            assert [finding.code for finding in result.issues] == [finding.code for finding in findings]
        statuses = [event.status for event in await shop.events() if event.kind == "status-changed"]
        assert statuses[1:] == list(dict.fromkeys(status for _, status in steps)), "each transition once, after the first"

    play(tmp_path, scenario, lanes=False)


def test_a_first_word_is_not_a_judgement(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        await known(shop)
        await judge(shop, mismatch(1), is_final=False)
        state = await shop.state(FILE)
        assert state is not None
        assert state.record.judged_at is None
        assert (await shop.result(MODEL)).health_status is HealthStatus.CORRUPTED, "but it is told at once"
        await judge(shop, mismatch(1))
        assert shop.sink.names == ["corruption-found"], "and not twice"

    play(tmp_path, scenario, lanes=False)


def test_what_was_committed_is_told_although_we_are_stopped(tmp_path: Path) -> None:
    """It is in the ledger: whoever begins next tells it."""
    state = os.fsencode(tmp_path / "state.db")

    async def stopped(shop: Workshop) -> None:
        await known(shop)
        go_on = threading.Event()
        blocking = asyncio.ensure_future(shop.database.write(lambda db: go_on.wait(5)))
        judging = asyncio.ensure_future(judge(shop, mismatch(1)))
        await asyncio.sleep(0.05)
        judging.cancel()
        await asyncio.sleep(0)
        go_on.set()
        assert await blocking
        assert isinstance((await asyncio.gather(judging, return_exceptions=True))[0], asyncio.CancelledError)
        await shop.database.write(lambda db: None)  # what was handed in before it is committed by then
        assert "finding-opened" in await shop.told(MODEL)

    async def begun_again(shop: Workshop) -> None:
        await shop.alerter.tell_due()
        await shop.alerter.tell_due()
        assert shop.sink.names == ["corruption-found"]

    play(tmp_path, stopped, state=state, lanes=False)
    play(tmp_path, begun_again, state=state, lanes=False)


def test_a_check_ends_when_every_file_was_read(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        await known(shop)
        unread = await shop.publisher.refresh(MODEL, finished=True)
        assert unread is not None
        assert unread.last_checked is None
        await judge(shop)
        shop.clock.advance(5)
        result = await shop.publisher.refresh(MODEL, finished=True)
        assert result is not None
        assert result.last_checked == shop.clock.now()
        shop.clock.advance(5)
        again = await shop.publisher.refresh(MODEL)
        assert again is not None
        assert again.last_checked == result.last_checked
        assert await shop.publisher.refresh("no such model") is None

    play(tmp_path, scenario, lanes=False)


def test_paths_that_are_not_text_are_told_exactly(tmp_path: Path) -> None:
    async def scenario(shop: Workshop) -> None:
        name = os.fsdecode(b"flux/\xff\n.safetensors")
        shop.put(name, WEIGHTS)
        await shop.judge(name)
        shop.put(name, OTHER)
        await shop.judge(name)
        (event,) = [event for event in await shop.events() if event.kind == "finding-opened"]
        assert event.path is not None
        assert event.path.isprintable()
        assert event.path_b64 is not None
        assert event.message.isprintable()

    play(tmp_path, scenario)
