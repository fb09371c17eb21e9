"""Old events become counts; numbers are never used again."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.store.rows import NOW, later
from tests.unit.store.test_events import note, numbers
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.performance import PerformanceMetrics
from wan_healthd.store import events, samples
from wan_healthd.store.connection import Connection
from wan_healthd.store.retention import ROLL_UP_DAYS, forget_old, roll_up_events, rolled_up

DAY_S = 86_400.0
TODAY = 20_513
"""2026-03-01, in days since 1970."""


def roll_up(connection: Connection, *, days: float = 90, most: int = 1000, batch: int = 100) -> int:
    return roll_up_events(connection, keep_since=NOW - timedelta(days=days), most=most, batch=batch)


def test_nothing_is_old_yet(connection: Connection) -> None:
    assert roll_up(connection) == 0
    events.append(connection, [note("a", -80 * DAY_S), note("b")])
    assert roll_up(connection) == 0
    assert numbers(connection) == [1, 2]


def test_old_events_are_counted_by_day_kind_and_model(connection: Connection) -> None:
    def opened(model: str, days: float) -> NewEvent:
        return NewEvent(later(days * DAY_S), EventKind.FINDING_OPENED, "m", model)

    old = [opened("a", -100), opened("a", -100.1), opened("b", -100), opened("a", -101.4), note("c", -100 * DAY_S)]
    events.append(connection, [*old, note("new")])
    assert roll_up(connection) == 5
    assert rolled_up(connection) == {
        (TODAY - 100, "finding-opened", "a"): 2,
        (TODAY - 100, "finding-opened", "b"): 1,
        (TODAY - 101, "finding-opened", "a"): 1,
        (TODAY - 100, "status-changed", ""): 1,
    }
    assert numbers(connection) == [6]
    assert events.first_number(connection) == events.last_number(connection) == 6


def test_counts_add_up_over_steps(connection: Connection) -> None:
    events.append(connection, [note(str(number), -100 * DAY_S) for number in range(25)])
    steps = [roll_up(connection, batch=10) for _ in range(4)]
    assert steps == [10, 10, 4, 0], "the newest stays, however old"
    assert rolled_up(connection) == {(TODAY - 100, "status-changed", ""): 24}
    assert numbers(connection) == [25]


def test_too_many_go_however_young(connection: Connection) -> None:
    events.append(connection, [note(str(number)) for number in range(25)])
    assert roll_up(connection, most=10) == 15
    assert numbers(connection) == list(range(16, 26))


def test_a_number_is_never_used_again(connection: Connection) -> None:
    events.append(connection, [note("a", -100 * DAY_S), note("b", -100 * DAY_S)])
    roll_up(connection)
    events.append(connection, [note("c")])
    assert numbers(connection) == [2, 3]
    assert events.since(connection, "s", 0, 10)[0].seq == 2


def test_an_event_that_nobody_can_read_is_counted_too(connection: Connection) -> None:
    connection.execute("INSERT INTO event (at, body) VALUES (0, x'ff')")
    events.append(connection, [note("a")])
    assert roll_up(connection) == 1
    assert rolled_up(connection) == {(0, "unknown", ""): 1}


def test_first_number(connection: Connection) -> None:
    assert events.first_number(connection) == 0


def test_samples_of_models_that_are_gone_go_too(connection: Connection) -> None:
    for model, days in (("gone", -20), ("here", -1)):
        samples.add(connection, model, PerformanceMetrics(), later(days * DAY_S), keep_since=later(-1000 * DAY_S))
    connection.execute("INSERT INTO event_rollup VALUES (?, 'old', '', 1)", (TODAY - ROLL_UP_DAYS - 1,))
    forget_old(connection, now=NOW, samples_since=later(-14 * DAY_S))
    assert connection.execute("SELECT model_id FROM performance_sample").fetchall() == [("here",)]
    assert rolled_up(connection) == {}
