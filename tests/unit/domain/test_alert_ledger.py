"""When an entry of the ledger is due, and what is told of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from wan_healthd.domain.alert_ledger import Entry, Reminders, alert_of, first_due, is_worse, key_of, reminder_due
from wan_healthd.domain.alerts import ADVICE_GIVEN, CORRUPTION_FOUND, MODEL_DEGRADED, ROOT_LOST, AlertKind
from wan_healthd.domain.catalogue import CHECKSUM_MISMATCH
from wan_healthd.domain.findings import Severity

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FINDING = CHECKSUM_MISMATCH.at(b"/m/f", authority="baseline", what="block 7", why="disk", cure="fetch it again")
ENTRY = Entry(
    id=7,
    kind="corruption-found",
    message="f is damaged",
    closing="no longer: f is damaged",
    model_id="org/model",
    path="/m/f",
    finding=FINDING,
    opened_at=NOW,
    due_at=NOW,
    told_at=None,
    times_told=0,
    acked_at=None,
    acked_by=None,
    cleared_at=None,
)


@pytest.mark.parametrize(
    ("reminders", "days"),
    [
        (Reminders.DIMINISHING, [1, 2, 4, 8, 16, 32, 32, 32]),
        (Reminders.DAILY, [1, 1, 1]),
        (Reminders.ONCE, [None, None]),
    ],
)
def test_reminders_thin_out(reminders: Reminders, days: list[int | None]) -> None:
    due = [reminder_due(CORRUPTION_FOUND, times, reminders, NOW) for times in range(1, len(days) + 1)]
    assert due == [None if gap is None else NOW + timedelta(days=gap) for gap in days]


def test_who_says_it_once_says_it_once() -> None:
    assert reminder_due(ADVICE_GIVEN, 1, Reminders.DAILY, NOW) is None


def test_damage_shows_at_once_and_blips_do_not() -> None:
    assert first_due(CORRUPTION_FOUND, NOW) == NOW
    assert first_due(ROOT_LOST, NOW) > NOW


@pytest.mark.parametrize(
    ("before", "after", "severity", "worse"),
    [
        (MODEL_DEGRADED, CORRUPTION_FOUND, Severity.HIGH, True),
        (CORRUPTION_FOUND, CORRUPTION_FOUND, Severity.CRITICAL, True),
        (CORRUPTION_FOUND, CORRUPTION_FOUND, Severity.HIGH, False),
        (CORRUPTION_FOUND, MODEL_DEGRADED, Severity.MEDIUM, False),
    ],
)
def test_what_is_worse(before: AlertKind, after: AlertKind, severity: Severity, worse: bool) -> None:
    assert is_worse(before, FINDING, after, msgspec.structs.replace(FINDING, severity=severity)) is worse


def test_what_is_told() -> None:
    first = alert_of(ENTRY)
    assert first is not None
    assert (first.kind, first.message, first.finding) == (CORRUPTION_FOUND, "org/model: f is damaged", FINDING)
    again = alert_of(msgspec.structs.replace(ENTRY, times_told=2))
    assert again is not None
    assert again.message == "org/model: still so since 2026-01-01 00:00Z (`healthctl alert ack 7` if you know): f is damaged"
    ended = alert_of(msgspec.structs.replace(ENTRY, times_told=2, cleared_at=NOW))
    assert ended is not None
    assert (ended.kind.name, ended.message) == ("finding-cleared", "org/model: no longer: f is damaged")
    assert alert_of(msgspec.structs.replace(ENTRY, kind="of-a-newer-version")) is None


def test_keys_are_told_apart() -> None:
    other = CHECKSUM_MISMATCH.at(b"/m/\xff", authority="baseline", what="block 7", why="disk", cure="x")
    shown = CHECKSUM_MISMATCH.at(b"/m/\\xff", authority="baseline", what="block 7", why="disk", cure="x")
    assert len({key_of("a", FINDING), key_of("b", FINDING), key_of("a", other), key_of("a", shown)}) == 4
