from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wan_healthd.api.decoding import decode_body, decode_query
from wan_healthd.domain.errors import InvalidRequest
from wan_healthd.wire.requests import CheckRequest, EventsQuery, TrustRequest


def test_an_empty_body_means_defaults() -> None:
    assert decode_body(b"", CheckRequest) == CheckRequest(full=False)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"full":1}', r"Expected `bool`, got `int` - at `\$.full`"),
        (b'{"ful":true}', "unknown field `ful`"),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"full":tr', "truncated"),
        (b"\xff\xfe", "malformed"),
        (b'{"f\\u001bll":1}', r"unknown field `f\\x1bll`"),
        (b"[" * 500_000, "Expected `object`"),
    ],
)
def test_a_bad_body_is_told_what_was_expected(body: bytes, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as refused:
        decode_body(body, CheckRequest)
    assert "full" in refused.value.suggestion
    assert len(refused.value.message) < 500


@pytest.mark.parametrize(
    "body", [b'{"files":"x"}', b'{"files":[1]}', b'{"reason":"' + b"r" * 1001 + b'"}', b'{"reason":"\\ud800"}']
)
def test_trust_takes_only_what_it_says(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_body(body, TrustRequest)


def test_a_query_is_typed() -> None:
    query = decode_query("since=7&limit=3&wait_s=1.5&since_time=2026-01-31T12:00:00+00:00", EventsQuery)
    assert query == EventsQuery(since=7, limit=3, wait_s=1.5, since_time=datetime(2026, 1, 31, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("since=x", "since"),
        ("since=-1", ">= 0"),
        ("since=1&since=2", "repeated"),
        ("sinc=1", "unknown field `sinc`"),
        ("wait_s=nan", "wait_s"),
        ("wait_s=1e9", "<= 60"),
        ("limit=0", "limit"),
        ("limit=true", "limit"),
        ("since=null", "since"),
        ("since_time=null", "since_time"),
        ("since_time=0.5", "since_time"),
        ("since_time=2026-01-31T12:00:00", "timezone"),
        ("since=" + "9" * 5000, "since"),
        ("since=%ff", "UTF-8"),
        ("&", "repeated"),
        ("&".join(f"f{number}=1" for number in range(10_000)), "unknown field"),
    ],
)
def test_a_bad_query_is_told_which_field(query: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        decode_query(query, EventsQuery)
