"""The API's description: valid, complete, and true to the table of routes."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import validate

from wan_healthd.api import openapi
from wan_healthd.api.routes import ROUTES
from wan_healthd.api.statuses import STATUS_BY_CODE
from wan_healthd.domain.callers import CallerRole

Json = dict[str, Any]


@pytest.fixture(scope="module")
def described() -> Json:
    found: Json = json.loads(msgspec.json.encode(openapi.document(ROUTES, "0.1.0")))
    return found


def operations(described: Json) -> dict[tuple[str, str], Json]:
    return {(method.upper(), path): what for path, item in described["paths"].items() for method, what in item.items()}


def test_it_is_valid_openapi(described: Json) -> None:
    validate(described)


def test_every_route_is_in_it_once(described: Json) -> None:
    assert list(operations(described)) == [(route.method, route.template) for route in sorted_by_path()]
    names = [operation["operationId"] for operation in operations(described).values()]
    assert len(set(names)) == len(ROUTES)


def sorted_by_path() -> list[Any]:
    """A path stands where it stands first in the table."""
    order = list(dict.fromkeys(route.template for route in ROUTES))
    return sorted(ROUTES, key=lambda route: order.index(route.template))


def test_it_says_who_may_and_what_is_answered(described: Json) -> None:
    told = operations(described)
    for route in ROUTES:
        operation = told[route.method, route.template]
        assert operation["summary"].endswith(".")
        assert ("act group" in operation["description"]) is (route.access is CallerRole.ACTOR)
        good = operation["responses"][str(route.status)]["content"]["application/json"]["schema"]
        assert good == {"$ref": f"#/components/schemas/{route.answer.__name__}"}


def test_every_error_code_is_named(described: Json) -> None:
    told = " ".join(answer["description"] for answer in described["components"]["responses"].values())
    assert [code for code in STATUS_BY_CODE if code not in told] == []


def test_queries_have_bounds(described: Json) -> None:
    parameters = operations(described)["GET", "/v1/events"]["parameters"]
    schemas = {parameter["name"]: parameter["schema"] for parameter in parameters}
    assert schemas["limit"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 500}
    assert schemas["since_time"] == {"type": "string", "format": "date-time"}
    assert (schemas["wait_s"]["maximum"], schemas["since"]["minimum"]) == (60, 0)


def test_what_is_always_written_is_promised(described: Json) -> None:
    status = described["components"]["schemas"]["StatusAnswer"]
    assert set(status["required"]) == set(status["properties"])
    finding = described["components"]["schemas"]["Finding"]
    assert set(finding["properties"]) - set(finding["required"]) == {"path_b64"}
    trust = described["components"]["schemas"]["TrustRequest"]
    assert "required" not in trust or trust["required"] == []


def test_every_struct_says_what_it_is(described: Json) -> None:
    schemas = described["components"]["schemas"]
    assert [name for name, schema in schemas.items() if not schema.get("description")] == []
