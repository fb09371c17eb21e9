from __future__ import annotations

import pytest

from wan_healthd.api.errors import ForeignRequest
from wan_healthd.api.guards import guard
from wan_healthd.domain.errors import InvalidRequest


@pytest.mark.parametrize(
    "host", ["", "localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:80", "wan-healthd", " localhost "]
)
def test_our_own_names_are_let_in(host: str) -> None:
    guard([("Host", host), ("Accept", "*/*")])


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost:x", "127.0.0.1.evil", "::1", "local host", "\x1b[31m"]
)
def test_other_hosts_are_refused(host: str) -> None:
    with pytest.raises(ForeignRequest) as refused:
        guard([("host", host)])
    assert "\x1b" not in refused.value.message


@pytest.mark.parametrize("name", ["Origin", "origin", "Referer"])
def test_web_pages_are_refused(name: str) -> None:
    with pytest.raises(ForeignRequest, match="web pages"):
        guard([("Host", "localhost"), (name, "http://localhost")])


def test_no_host_is_fine_and_two_are_not() -> None:
    guard([])
    with pytest.raises(InvalidRequest):
        guard([("Host", "localhost"), ("Host", "localhost")])
