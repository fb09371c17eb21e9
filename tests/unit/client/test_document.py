from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_healthd.client.document import Document, parse
from wan_healthd.client.errors import AnswerNotUnderstood

READERS: dict[str, Callable[[Document], object]] = {
    "text": lambda document: document.text("key"),
    "text_or_none": lambda document: document.text_or_none("key"),
    "count": lambda document: document.count("key"),
    "count_or_none": lambda document: document.count_or_none("key"),
    "number": lambda document: document.number("key"),
    "number_or_none": lambda document: document.number_or_none("key"),
    "flag": lambda document: document.flag("key"),
    "moment": lambda document: document.moment("key"),
    "moment_or_none": lambda document: document.moment_or_none("key"),
    "part": lambda document: document.part("key"),
    "part_or_none": lambda document: document.part_or_none("key"),
    "parts": lambda document: document.parts("key"),
    "texts": lambda document: document.texts("key"),
}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"1",
        b"nonsense",
        b"\xff",
        b'{"a":NaN}',
        b'{"a":1e',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(AnswerNotUnderstood):
        parse(body)


@pytest.mark.parametrize("reader", READERS)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=5,
    )
)
def test_any_value_is_read_or_refused_with_the_key(reader: str, value: object) -> None:
    try:
        READERS[reader](parse(msgspec.json.encode({"key": value})))
    except AnswerNotUnderstood as refused:
        assert "key" in refused.message


def test_text_cannot_harm_a_terminal() -> None:
    document = parse(b'{"key":"a\\u001b[31m\\n\\u202e\\u009b\\ud800\\u0000","keys":["\\u0007"]}')
    assert document.text("key").isprintable()
    assert document.texts("keys") == ["\\x07"]


def test_errors_name_the_place() -> None:
    inner = parse(b'{"models":[{"id":"a"},{"id":7}]}').parts("models")[1]
    with pytest.raises(AnswerNotUnderstood, match=r"models\[1\]\.id should be text"):
        inner.text("id")


@pytest.mark.parametrize(
    ("key", "reader"), [("true", "count"), ("true", "number"), ("1e999", "number"), ('"2026-01-01T00:00:00"', "moment")]
)
def test_near_misses(key: str, reader: str) -> None:
    with pytest.raises(AnswerNotUnderstood):
        READERS[reader](parse(f'{{"key":{key}}}'.encode()))


def test_times_have_their_zone() -> None:
    assert parse(b'{"key":"2026-01-31T13:00:00+01:00"}').moment("key") == datetime(2026, 1, 31, 12, tzinfo=UTC)
