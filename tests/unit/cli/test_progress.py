from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_healthd.cli.progress import WINDOW_S, Pace, progress_line
from wan_healthd.cli.tables import columns

MB = 10**6


def test_the_rate_is_that_of_the_last_seconds() -> None:
    pace = Pace()
    assert pace.look(0.0, 0) is None
    assert pace.look(1.0, 100 * MB) == 100 * MB
    assert pace.look(2.0, 200 * MB) == 100 * MB
    for second in range(3, 40):
        rate = pace.look(float(second), 200 * MB + (second - 2) * MB)
    assert rate == MB


def test_where_nothing_moves_there_is_no_rate() -> None:
    pace = Pace()
    rates = [pace.look(float(second), 7) for second in range(int(WINDOW_S) * 3)]
    assert rates == [None] * len(rates)


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (100, "wan2.2-ti2v-5b: [#######################.......]  79 %  7.9 GB of 10.0 GB  210.0 MB/s  10 s left"),
        (80, "wan2.2-ti2v-5b: [###########...]  79 %  7.9 GB of 10.0 GB  210.0 MB/s  10 s left"),
        (66, "wan2.2-ti2v-5b: [#######################.......]  79 %  10 s left"),
    ],
)
def test_the_line_fits(width: int, line: str) -> None:
    shown = progress_line("wan2.2-ti2v-5b", 7_900 * MB, 10_000 * MB, 210.0 * MB, width)
    assert columns(shown) <= width
    assert shown == line


@pytest.mark.parametrize(
    ("done", "total", "rate", "facts"),
    [
        (0, 100, None, "  0 %  0 B of 100 B"),
        (150, 100, 5.0, "100 %  150 B of 100 B  5 B/s"),
        (999, 1000, 0.1, " 99 %  999 B of 1.0 kB  0 B/s  10 s left"),
        (5 * MB, 0, 1.0 * MB, "5.0 MB read  1.0 MB/s"),
    ],
)
def test_the_facts(done: int, total: int, rate: float | None, facts: str) -> None:
    assert progress_line("m", done, total, rate, 200).endswith(facts)


@given(
    label=st.text(),
    done=st.integers(-5, 10**20),
    total=st.integers(-5, 10**20),
    rate=st.none() | st.floats(min_value=1e-9, max_value=1e15),
    width=st.integers(20, 300),
)
def test_no_line_is_too_wide(label: str, done: int, total: int, rate: float | None, width: int) -> None:
    assert columns(progress_line(label, done, total, rate, width)) <= width
