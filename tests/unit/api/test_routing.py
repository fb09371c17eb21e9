from __future__ import annotations

import pytest

from wan_healthd.api.errors import UnknownPath, WrongMethod
from wan_healthd.api.routes import ROUTES
from wan_healthd.api.routing import match
from wan_healthd.domain.errors import InvalidRequest


def found(method: str, target: str) -> tuple[str, str, str]:
    matched = match(ROUTES, method, target)
    return matched.route.template, matched.target, matched.query


@pytest.mark.parametrize(
    ("target", "template", "name"),
    [
        ("/v1/models/a", "/v1/models/{id}", "a"),
        ("/v1/models/Wan-AI%2FWan2.2", "/v1/models/{id}", "Wan-AI/Wan2.2"),
        ("/v1/models/Wan-AI%2fWan2.2/files", "/v1/models/{id}/files", "Wan-AI/Wan2.2"),
        ("/v1/models/a%252Fb", "/v1/models/{id}", "a%2Fb"),  # decoded once
        ("/v1/models/..", "/v1/models/{id}", ".."),  # a name like any other
        ("/v1/models/%2e%2e%2Fetc", "/v1/models/{id}", "../etc"),
        ("/v1/models/a+b", "/v1/models/{id}", "a+b"),
        ("/v1/models/%00", "/v1/models/{id}", "\0"),
        ("/v1/models/%zz", "/v1/models/{id}", "%zz"),
        ("/v1/models/m%C3%B6del", "/v1/models/{id}", "mödel"),
        ("/v1/models/mödel", "/v1/models/{id}", "mödel"),
        ("/v1/status", "/v1/status", ""),
    ],
)
def test_a_name_is_one_segment_and_decoded_once(target: str, template: str, name: str) -> None:
    assert found("GET", target) == (template, name, "")


def test_the_query_stays_encoded() -> None:
    assert found("GET", "/v1/events?since=1&x=%2F?") == ("/v1/events", "", "since=1&x=%2F?")


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/",
        "*",
        "v1/status",
        "/v1",
        "/v1/status/",
        "//v1/status",
        "/v1//status",
        "/V1/status",
        "/v1/models/",
        "/v1/models//files",
        "/v1/models/a/b",
        "/v1/models/a/../b/files",
        "/v1/%73tatus",
        "http://localhost/v1/status",
        "/v1/status;x",
    ],
)
def test_everything_else_is_unknown(target: str) -> None:
    with pytest.raises(UnknownPath):
        match(ROUTES, "GET", target)


@pytest.mark.parametrize("segment", ["%ff", "%C3", "\udcff", "%ED%A0%80"])
def test_a_name_that_is_not_utf_8_is_refused(segment: str) -> None:
    with pytest.raises(InvalidRequest, match="not UTF-8"):
        match(ROUTES, "GET", f"/v1/models/{segment}")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "get"])
def test_a_wrong_method_is_told_the_right_one(method: str) -> None:
    with pytest.raises(WrongMethod) as refused:
        match(ROUTES, method, "/v1/status")
    assert refused.value.allowed == ("GET",)


def test_no_two_routes_are_the_same() -> None:
    assert len({(route.method, route.template) for route in ROUTES}) == len(ROUTES)
