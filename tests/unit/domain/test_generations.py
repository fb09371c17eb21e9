"""Which announced generations sweeps make way for, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from wan_healthd.domain.generations import (
    LONGEST_NOTE,
    LONGEST_S,
    SHORTEST_S,
    Generation,
    announced,
    described,
    is_open,
    lifetime_s,
    next_expiry,
    present,
)

NOW = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)

durations = st.floats(min_value=0, max_value=1e9)
moments = st.floats(min_value=-2 * LONGEST_S, max_value=2 * LONGEST_S).map(lambda seconds: NOW + timedelta(seconds=seconds))


def begun(*, expires_in_s: float | None = None, model_id: str | None = None, note: str = "", number: int = 0) -> Generation:
    one = announced(model_id=model_id, uid=1000, pid=7, note=note, expected_s=None, expires_in_s=expires_in_s, now=NOW)
    return replace(one, id=number)


@st.composite
def lots(draw: st.DrawFn) -> list[Generation]:
    rows = draw(st.lists(st.tuples(moments, st.none() | moments), max_size=8))
    return [replace(begun(number=number), expires_at=expires, ended_at=ended) for number, (expires, ended) in enumerate(rows)]


@given(lots(), moments)
def test_what_is_present_is_what_lasts_longest_of_what_is_open(generations: list[Generation], now: datetime) -> None:
    still = [one for one in generations if one.ended_at is None and 0 < (one.expires_at - now).total_seconds() <= LONGEST_S]
    assert [one for one in generations if is_open(one, now)] == still
    occupation = present(generations, now)
    assert (occupation is None) == (not still)
    if occupation is not None:
        assert now < occupation.until == max(one.expires_at for one in still)
        assert (f"and {len(still) - 1} more" in occupation.what) == (len(still) > 1)


@given(st.none() | durations, st.none() | durations)
def test_no_announcement_is_for_ever(expires_in_s: float | None, expected_s: float | None) -> None:
    lasts_s = lifetime_s(expires_in_s, expected_s)
    assert SHORTEST_S <= lasts_s <= LONGEST_S
    if expires_in_s is None and expected_s is not None:
        assert lasts_s == LONGEST_S or lasts_s >= expected_s
    one = replace(begun(), expires_at=NOW + timedelta(seconds=lasts_s))
    assert is_open(one, NOW)
    assert not is_open(one, one.expires_at)


@pytest.mark.parametrize(
    ("expires_in_s", "expected_s", "lasts_s"),
    [(None, None, 3600), (None, 60, 600), (None, 1000, 4000), (90, 1000, 90), (0.1, None, 1), (1e9, None, 86_400)],
)
def test_how_long_it_holds(expires_in_s: float | None, expected_s: float | None, lasts_s: float) -> None:
    assert lifetime_s(expires_in_s, expected_s) == lasts_s


def test_a_clock_that_was_ahead_stops_no_sweeps_for_years() -> None:
    one = begun(expires_in_s=60)
    assert is_open(one, NOW)
    assert not is_open(one, NOW - timedelta(days=400))


@pytest.mark.parametrize(
    ("model_id", "note", "words"),
    [
        ("Wan2.2-T2V-A14B", "", "uid 1000: Wan2.2-T2V-A14B"),
        ("Wan2.2-T2V-A14B", "batch 7", "uid 1000: Wan2.2-T2V-A14B, batch 7"),
        (None, "rendering", "uid 1000: rendering"),
        (None, "", "uid 1000"),
        ("a\x1b[31m", "b\nc", "uid 1000: a\\x1b[31m, b\\nc"),
    ],
)
def test_who_and_what(model_id: str | None, note: str, words: str) -> None:
    assert described(begun(model_id=model_id, note=note)) == words


@given(st.text(st.characters(codec=None), max_size=3 * LONGEST_NOTE))
def test_any_note_is_one_short_printable_line(note: str) -> None:
    kept = begun(note=note).note
    assert kept.isprintable()
    assert len(kept) <= LONGEST_NOTE


def test_the_first_to_expire_is_waited_for() -> None:
    assert next_expiry([]) is None
    assert next_expiry([begun(expires_in_s=90), begun(expires_in_s=60)]) == NOW + timedelta(seconds=60)
