"""The daemon against its own description: whatever is asked, sensible or not, is answered as the description promises."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.fakes.safetensors_files import sample
from tests.support.daemons import Home
from tests.support.damage import flip_bit
from tests.support.unix_requests import BASE, session_to
from wan_healthd.api.openapi import document
from wan_healthd.api.routes import ROUTES

SOUND, DAMAGED = "sound.safetensors", "damaged.safetensors"
EXAMPLES = 12
"""Of each kind for each route; many more were run by hand."""

LONGEST_POLL_S = 0.05
MORE_THAN_SHAPE = {"/v1/models/{id}/trust", "/v1/alerts/test"}
"""Where names of files and of kinds must exist, beside being well-formed."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
]


def promised() -> dict[str, Any]:
    """The description; of any names of models, some are those of real ones."""
    found: dict[str, Any] = json.loads(msgspec.json.encode(document(ROUTES, "0.1.0")))
    for path, item in found["paths"].items():
        for parameter in [parameter for operation in item.values() for parameter in operation["parameters"]]:
            if parameter["name"] == "id" and "/models/" in path:
                parameter["schema"] = {"anyOf": [{"enum": [SOUND, DAMAGED]}, parameter["schema"]]}
    return found


SCHEMA = schemathesis.openapi.from_dict(promised()).exclude(path="/v1/reload")  # it would end the connections of the others


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    """A daemon with a sound and a damaged model answers; in the end it met no error of its own."""
    folder = Path(tempfile.mkdtemp(prefix="wan-"))
    try:
        home = Home(folder)
        home.put(SOUND, sample(1, 200_000, 4))
        damaged = home.put(DAMAGED, sample(2, 200_000, 4))
        with home.running() as daemon:
            daemon.control.await_status(DAMAGED, "healthy")
            with damaged.open("r+b") as file:
                flip_bit(100_000)(file)
            daemon.control.await_status(DAMAGED, "corrupted")
            yield home
            assert "request-failed" not in daemon.said()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def session(home: Home) -> Iterator[requests.Session]:
    with session_to(home.socket) as opened:
        yield opened


@SCHEMA.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
def test_every_answer_is_as_promised(case: schemathesis.Case[Any], session: requests.Session) -> None:
    if case.query and isinstance(case.query.get("wait_s"), int | float):
        case.query["wait_s"] = min(case.query["wait_s"], LONGEST_POLL_S)
    answer = case.call(base_url=BASE, session=session)
    checks = [check for check in CHECKS if case.path not in MORE_THAN_SHAPE or check is not positive_data_acceptance]
    case.validate_response(answer, checks=checks)
