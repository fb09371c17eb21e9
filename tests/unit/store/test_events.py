"""Event numbers: rising, and never used twice."""

from __future__ import annotations

from tests.unit.store.rows import NOW, later
from wan_healthd.domain.catalogue import FILE_MISSING
from wan_healthd.domain.events import EventKind, NewEvent
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.store import events
from wan_healthd.store.connection import Connection, open_writer


def numbers(connection: Connection, after: int = 0) -> list[int]:
    return [event.seq for event in events.since(connection, "s", after, 1000)]


def note(text: str, seconds: float = 0) -> NewEvent:
    return NewEvent(later(seconds), EventKind.STATUS_CHANGED, text)


def test_events_come_back_whole_and_in_order(connection: Connection) -> None:
    finding = FILE_MISSING.at(b"/srv/\xff\n", what="it is gone")
    told = NewEvent(NOW, EventKind.FINDING_OPENED, "m", "model", finding.path, finding, HealthStatus.MISSING, finding.path_b64)
    events.append(connection, [note("first"), told])
    first, second = events.since(connection, "stream-1", 0, 10)
    assert (first.seq, first.message, first.stream, second.seq) == (1, "first", "stream-1", 2)
    assert (second.finding, second.path, second.path_b64, second.status, second.at) == (
        finding,
        finding.path,
        finding.path_b64,
        HealthStatus.MISSING,
        NOW,
    )


def test_since_is_exclusive_and_limited(connection: Connection) -> None:
    events.append(connection, [note(str(number)) for number in range(5)])
    assert numbers(connection, 2) == [3, 4, 5]
    assert numbers(connection, 5) == numbers(connection, 2**62) == []
    assert [event.seq for event in events.since(connection, "s", 1, 2)] == [2, 3]


def test_a_number_is_never_used_again(file: bytes) -> None:
    connection = open_writer(file)
    assert events.last_number(connection) == 0
    events.append(connection, [note("a"), note("b")])
    connection.execute("DELETE FROM event WHERE seq = 2")
    events.append(connection, [note("c")])
    assert numbers(connection) == [1, 3]
    connection.execute("DELETE FROM event")
    assert events.last_number(connection) == 3
    connection.close()
    again = open_writer(file)
    assert events.last_number(again) == 3
    events.append(again, [note("d")])
    assert numbers(again) == [4]
    again.close()


def test_a_number_that_was_rolled_back_was_never_told(connection: Connection) -> None:
    connection.execute("BEGIN")
    events.append(connection, [note("lost")])
    connection.execute("ROLLBACK")
    events.append(connection, [note("kept")])
    assert [event.message for event in events.since(connection, "s", 0, 10)] == ["kept"]


def test_numbers_by_time(connection: Connection) -> None:
    assert events.number_before(connection, NOW) == 0
    events.append(connection, [note("a", 0), note("b", 10), note("c", 20)])
    assert events.number_before(connection, later(-1)) == 0
    assert events.number_before(connection, later(10)) == 1
    assert events.number_before(connection, later(10.000001)) == 2
    assert events.number_before(connection, later(99)) == 3
