from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_healthd.cli.tables import Table, columns, fill, shorten


def plain(_row: int, _column: int, padded: str) -> str:
    return padded


def test_columns_line_up() -> None:
    table = Table(("NAME", "SIZE"), [("a", "1"), ("模型", "1000")], flexible=0, right=frozenset({1}))
    assert table.lines(None, plain) == ["NAME  SIZE", "a        1", "模型  1000"]


def test_only_the_flexible_column_is_cut() -> None:
    table = Table(("NAME", "STATUS"), [("organisation/a-very-long-name", "healthy")], flexible=0)
    assert table.lines(26, plain) == ["NAME               STATUS", "organis...ng-name  healthy"]


@given(text=st.text(), width=st.integers(4, 30))
def test_shortened_text_fits_and_keeps_its_ends(text: str, width: int) -> None:
    short = shorten(text, width)
    assert columns(short) <= width
    if columns(text) <= width:
        assert short == text
    else:
        assert "..." in short


@given(words=st.lists(st.text("ab/", min_size=1, max_size=12), min_size=1), width=st.integers(20, 60))
def test_filled_lines_keep_every_word(words: list[str], width: int) -> None:
    lines = fill(" ".join(words), width, "  ", "    ")
    assert " ".join(line.strip() for line in lines) == " ".join(words)
    assert all(columns(line) <= width for line in lines)


@pytest.mark.parametrize(("text", "count"), [("", 0), ("abc", 3), ("模型", 4), ("e\u0301", 1)])
def test_columns_are_those_of_a_terminal(text: str, count: int) -> None:
    assert columns(text) == count
