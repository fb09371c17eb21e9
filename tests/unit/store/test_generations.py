"""Announced generations on the disk: what is open, ends, is renewed and forgotten."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.store.rows import NOW, later
from wan_healthd.domain.generations import Generation, announced
from wan_healthd.store import generations
from wan_healthd.store.connection import Connection


def begin(connection: Connection, *, at_s: float = 0.0, lasts_s: float = 3600.0, uid: int = 1000) -> Generation:
    one = announced(model_id="wan", uid=uid, pid=7, note="batch 7", expected_s=None, expires_in_s=lasts_s, now=later(at_s))
    return generations.begin(connection, one)


def open_numbers(connection: Connection, at_s: float = 0.0, most: int = 10) -> list[int]:
    return [one.id for one in generations.open_ones(connection, later(at_s), most)]


def test_it_comes_back_as_it_was(connection: Connection) -> None:
    one = begin(connection)
    assert one.id == 1
    assert generations.get(connection, 1) == one
    assert generations.get(connection, 2) is None


def test_what_is_open(connection: Connection) -> None:
    begin(connection, lasts_s=60)
    begin(connection, lasts_s=7200, uid=0)
    begin(connection, lasts_s=90)
    assert open_numbers(connection) == [2, 3, 1]
    assert open_numbers(connection, most=2) == [2, 3]
    assert generations.count_open(connection, NOW, 1000) == (3, 2)
    assert open_numbers(connection, 60) == [2, 3]
    generations.end(connection, 3, later(61))
    assert open_numbers(connection, 62) == [2]
    assert generations.count_open(connection, later(62), 1000) == (1, 0)
    before_the_clock_was_set_right = NOW - timedelta(days=30)
    assert generations.open_ones(connection, before_the_clock_was_set_right, 10) == ()
    assert generations.count_open(connection, before_the_clock_was_set_right, 0) == (0, 0)


def test_the_first_end_counts_also_after_it_expired(connection: Connection) -> None:
    begin(connection, lasts_s=60)
    generations.end(connection, 1, later(100))
    generations.end(connection, 1, later(200))
    generations.renew(connection, 1, later(500))
    ended = generations.get(connection, 1)
    assert ended is not None
    assert (ended.ended_at, ended.expires_at) == (later(100), later(60))


def test_it_is_renewed(connection: Connection) -> None:
    begin(connection, lasts_s=60)
    generations.renew(connection, 1, later(500))
    assert open_numbers(connection, 400) == [1]


def test_old_ones_go_and_their_numbers_with_them(connection: Connection) -> None:
    for at_s in (0.0, 1000.0):
        begin(connection, at_s=at_s, lasts_s=60)
    generations.forget_old(connection, before=later(500))
    assert generations.get(connection, 1) is None
    generations.forget_old(connection, before=later(5000))
    assert generations.get(connection, 2) is None
    assert begin(connection).id == 3


def test_there_are_never_too_many(connection: Connection) -> None:
    still_open = begin(connection, lasts_s=86_400).id
    begin(connection, lasts_s=1)
    connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'generation'", (generations.MOST_KEPT + 1,))
    begin(connection, at_s=10)
    assert generations.get(connection, 2) is None
    assert open_numbers(connection, 10) == [still_open, generations.MOST_KEPT + 2]
