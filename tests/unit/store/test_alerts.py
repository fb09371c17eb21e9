"""The ledger: what opens, says something else, ends, waits and is forgotten."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.store.rows import MODEL, NOW, ROOT, later
from wan_healthd.domain.alert_ledger import NewAlert, Reminders
from wan_healthd.domain.alerts import CORRUPTION_FOUND, MODEL_DEGRADED, ROOT_LOST, AlertKind
from wan_healthd.store import alerts, models, telling
from wan_healthd.store.connection import Connection
from wan_healthd.store.telling import FOLDED, HELD, Told

DAY_S = 86_400.0


def new(key: str = "k", message: str = "x", kind: AlertKind = CORRUPTION_FOUND, model_id: str | None = None) -> NewAlert:
    return NewAlert(kind, key, message, f"no longer: {message}", model_id, path="/m/f", is_finding=model_id is not None)


def due(connection: Connection, seconds: float = 0.0, *, with_held: bool = False) -> list[int]:
    return [item.id for item in telling.due(connection, later(seconds), with_held=with_held)]


def tell(connection: Connection, seconds: float = 0.0, reminders: Reminders = Reminders.DIMINISHING) -> list[int]:
    """Tell what is due then, as `services.alert` does."""
    items = telling.due(connection, later(seconds), with_held=False)
    entries = telling.entries(connection, [item.id for item in items])
    told = [Told(entry.id, entry.cleared_at is not None, entry.times_told, entry.message) for entry in entries]
    telling.told(connection, told, reminders, later(seconds))
    return [item.id for item in items]


def test_what_is_known_is_no_news(connection: Connection) -> None:
    assert alerts.put(connection, new(), NOW)
    assert not alerts.put(connection, new(), later(1))
    assert tell(connection) == [1]
    assert due(connection, 60) == []
    assert alerts.put(connection, new(message="y"), later(60))
    assert tell(connection, 60) == [1]
    assert alerts.get(connection, 1).message == "y"  # type: ignore[union-attr]


def test_a_count_that_changes_is_no_news(connection: Connection) -> None:
    counted = NewAlert(CORRUPTION_FOUND, "k", "3 of 4", "over", words_are_news=False)
    alerts.put(connection, counted, NOW)
    tell(connection)
    assert not alerts.put(connection, NewAlert(CORRUPTION_FOUND, "k", "2 of 4", "over", words_are_news=False), NOW)
    assert due(connection) == []


def test_a_month_of_reminders(connection: Connection) -> None:
    alerts.put(connection, new(), NOW)
    days = [day for day in range(100) if tell(connection, day * DAY_S)]
    assert days == [0, 1, 3, 7, 15, 31, 63, 95]
    assert alerts.close(connection, "k", later(100 * DAY_S))
    assert tell(connection, 100 * DAY_S) == [1], "its end is told once"
    assert tell(connection, 400 * DAY_S) == []
    alerts.put(connection, new(), later(400 * DAY_S))
    assert [day for day in range(400, 405) if tell(connection, day * DAY_S)] == [400, 401, 403], "and then it begins anew"


def test_a_blip_is_silent(connection: Connection) -> None:
    alerts.put(connection, new(kind=ROOT_LOST), NOW)
    assert due(connection, 5) == []
    assert alerts.close(connection, "k", later(9))
    assert due(connection, 60) == []
    alerts.put(connection, new(kind=ROOT_LOST), later(100))
    assert due(connection, 110) == [2]
    assert alerts.close(connection, "k", later(120)) is not None
    assert alerts.close(connection, "k", later(121)) is None


def test_what_is_acknowledged_is_silent_until_it_is_worse_or_returns(connection: Connection) -> None:
    alerts.put(connection, new(kind=MODEL_DEGRADED), NOW)
    tell(connection)
    assert alerts.acknowledge(connection, 1, 1000, later(1))
    assert not alerts.acknowledge(connection, 1, 1000, later(2))
    assert not alerts.acknowledge(connection, 99, 1000, later(2))
    assert due(connection, 50 * DAY_S) == []
    alerts.put(connection, new(kind=MODEL_DEGRADED, message="other words"), later(3))
    assert due(connection, 50 * DAY_S) == []
    assert alerts.counts(connection) == (1, 1)
    alerts.put(connection, new(kind=CORRUPTION_FOUND), later(4))
    assert tell(connection, 4) == [1]
    assert alerts.counts(connection) == (1, 0)
    alerts.acknowledge(connection, 1, 1000, later(5))
    alerts.close(connection, "k", later(6))
    assert tell(connection, 6) == [1], "who knows of it wants to know that it is over"
    alerts.put(connection, new(), later(7))
    assert tell(connection, 7) == [2]


def test_what_is_folded_waits_for_the_end_of_what_explains_it(connection: Connection) -> None:
    alerts.put(connection, new("root", kind=ROOT_LOST), NOW)
    alerts.put(connection, new("file"), NOW)
    alerts.put(connection, new("known"), NOW)
    telling.told(connection, [Told(3, as_ended=False)], Reminders.DAILY, NOW)
    telling.wait(connection, [2, 3], FOLDED)
    assert due(connection, 5 * DAY_S) == [1]
    assert alerts.counts(connection) == (1, 0)
    alerts.close(connection, "root", later(20))
    assert due(connection, 20) == [2]
    assert due(connection, 20 + DAY_S) == [2, 3], "of a reminder the next one is told"


def test_what_is_held_waits_until_it_is_asked_for(connection: Connection) -> None:
    alerts.put(connection, new(), NOW)
    telling.wait(connection, [1], HELD)
    assert due(connection) == []
    assert due(connection, with_held=True) == [1]
    alerts.close(connection, "k", later(1))
    assert due(connection, 5, with_held=True) == [], "nobody knew of it"


def test_what_ends_or_changes_while_it_is_told_is_due_at_once(connection: Connection) -> None:
    alerts.put(connection, new("a"), NOW)
    alerts.put(connection, new("b"), NOW)
    alerts.close(connection, "a", later(1))
    alerts.put(connection, new("b", "y"), later(1))
    telling.told(connection, [Told(1, as_ended=False, message="x"), Told(2, as_ended=False, message="x")], Reminders.ONCE, NOW)
    assert due(connection, 1) == [1, 2]
    assert tell(connection, 1) == [1, 2]
    assert due(connection, 1) == []


def test_what_is_recorded_twice_counts_once(connection: Connection) -> None:
    alerts.put(connection, new(), NOW)
    for _ in range(2):
        telling.told(connection, [Told(1, as_ended=False, message="x")], Reminders.DIMINISHING, NOW)
    assert alerts.get(connection, 1).times_told == 1  # type: ignore[union-attr]


def test_a_clock_that_was_turned_back_keeps_nothing_silent(connection: Connection) -> None:
    alerts.put(connection, new(), later(365 * DAY_S))
    alerts.put(connection, new("told"), later(365 * DAY_S))
    telling.told(connection, [Told(2, as_ended=False)], Reminders.DAILY, later(365 * DAY_S))
    assert due(connection, 0) == [1, 2]
    assert tell(connection, 0) == [1, 2]
    assert due(connection, 1) == []


def test_findings_of_a_model_are_reconciled(connection: Connection) -> None:
    models.put(connection, MODEL, NOW)
    condition = NewAlert(CORRUPTION_FOUND, "c", "exposed", "over", MODEL.id)
    alerts.put(connection, condition, NOW)
    alerts.reconcile(connection, MODEL.id, [new("a", model_id=MODEL.id), new("b", model_id=MODEL.id)], NOW)
    tell(connection)
    alerts.reconcile(connection, MODEL.id, [new("b", model_id=MODEL.id), new("d", model_id=MODEL.id)], later(1))
    assert [(item.id, item.is_cleared) for item in telling.due(connection, later(1), with_held=False)] == [
        (2, True),
        (4, False),
    ]
    alerts.forget_models(connection, [MODEL.id], later(2))
    assert alerts.counts(connection) == (0, 0)


def test_models_that_are_not_watched_are_silent(connection: Connection) -> None:
    models.put(connection, MODEL, NOW)
    alerts.put(connection, new(model_id=MODEL.id), NOW)
    models.watch(connection, [], [])
    assert due(connection) == []
    assert alerts.listed(connection, 10) == ()
    models.watch(connection, [ROOT], [])
    assert due(connection) == [1]


def test_what_ended_long_ago_is_forgotten(connection: Connection) -> None:
    for number in range(5):
        alerts.put(connection, new(), later(number))
        tell(connection, number)
        alerts.close(connection, "k", later(number))
    alerts.forget_cleared(connection, before=NOW - timedelta(days=1), most=2)
    assert [entry.id for entry in alerts.listed(connection, 10)] == [5, 4]
    alerts.forget_cleared(connection, before=later(100), most=2)
    assert [entry.id for entry in alerts.listed(connection, 10)] == [5], "its end is still to be told"
    tell(connection, 9)
    alerts.forget_cleared(connection, before=later(100), most=2)
    assert alerts.listed(connection, 10) == ()


def test_the_gravest_are_listed_first(connection: Connection) -> None:
    for key, kind in (("a", MODEL_DEGRADED), ("b", CORRUPTION_FOUND), ("c", MODEL_DEGRADED)):
        alerts.put(connection, new(key, kind=kind), NOW)
    assert [entry.id for entry in alerts.listed(connection, 10)] == [2, 1, 3]
    assert [entry.id for entry in alerts.open_of(connection, MODEL_DEGRADED)] == [1, 3]
    assert alerts.changed_since(connection, NOW)
    assert not alerts.changed_since(connection, later(1))
