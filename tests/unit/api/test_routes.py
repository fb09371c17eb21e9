"""Every route through the real server: the promised struct, the promised status."""

from __future__ import annotations

import msgspec
import pytest

from tests.fakes.facade import AWKWARD, DAMAGED, SOUND, UNREAD
from tests.fakes.serving import Served
from wan_healthd.api.routes import ROUTES
from wan_healthd.api.routing import Route
from wan_healthd.client.http import HttpAnswer, read_answer
from wan_healthd.client.quoting import quote
from wan_healthd.wire.answers import (
    AlertAnswer,
    AlertsAnswer,
    AlertTestAnswer,
    ErrorAnswer,
    EventsAnswer,
    GateAnswer,
    JobAnswer,
    LogLevelAnswer,
    ModelAnswer,
    OpenApiDocument,
    ReloadAnswer,
)
from wan_healthd.wire.generations import GenerationAnswer, GenerationEndAnswer, GenerationsAnswer

NUMBERED = {"jobs", "alerts", "generations"}
"""What has numbers, where others have names."""

BODIES = {"/v1/log-level": b'{"level":"debug"}'}
"""Where a body is needed."""


def ask(served: Served, method: str, target: str, body: bytes = b"") -> HttpAnswer:
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    with served.connect() as connection:
        connection.sendall(head.encode() + body)
        return read_answer(connection.recv)


NAMED = [route for route in ROUTES if "{id}" not in route.template or not NUMBERED & {*route.template.split("/")}]


@pytest.mark.parametrize("route", NAMED, ids=lambda route: route.template)
@pytest.mark.parametrize("name", [DAMAGED, AWKWARD])
def test_each_route_answers_with_its_struct(served: Served, route: Route, name: str) -> None:
    answer = ask(served, route.method, route.template.replace("{id}", quote(name)), BODIES.get(route.template, b""))
    assert answer.status == route.status
    assert answer.headers["server"] == "wan-healthd/0.1.0"
    assert answer.headers["content-type"] == "application/json"
    assert "connection" in answer.headers
    document = msgspec.json.decode(answer.body, type=route.answer)
    assert route.answer is OpenApiDocument or document.schema == 1  # type: ignore[attr-defined]


def test_a_check_is_a_job(served: Served) -> None:
    begun = msgspec.json.decode(
        ask(served, "POST", f"/v1/models/{quote(DAMAGED)}/check", b'{"full":true}').body, type=JobAnswer
    )
    assert (begun.job.kind, begun.job.state) == ("full-check", "running")
    ended = msgspec.json.decode(ask(served, "GET", f"/v1/jobs/{begun.job.id}").body, type=JobAnswer)
    assert ended.job.result is not None
    assert ended.job.result.model_id == DAMAGED


def test_a_generation_is_announced_renewed_and_ended(served: Served) -> None:
    body = b'{"model":"Wan2.2","expected_seconds":300,"note":"a \\u001b[31m night"}'
    announced = ask(served, "POST", "/v1/generations/start", body)
    begun = msgspec.json.decode(announced.body, type=GenerationAnswer).generation
    assert (announced.status, begun.model_id, begun.uid, begun.note) == (201, "Wan2.2", 0, "a \\x1b[31m night")
    assert (begun.expires_at - begun.began_at).total_seconds() == 1200
    answer = ask(served, "POST", f"/v1/generations/{begun.id}/renew", b'{"expires_in_seconds":7200}')
    renewed = msgspec.json.decode(answer.body, type=GenerationAnswer).generation
    assert (renewed.expires_at - begun.began_at).total_seconds() == 7200
    assert msgspec.json.decode(ask(served, "GET", "/v1/generations").body, type=GenerationsAnswer).generations == (renewed,)
    ends = [ask(served, "POST", f"/v1/generations/{begun.id}/end").body for _ in range(2)]
    assert [msgspec.json.decode(end, type=GenerationEndAnswer).was_open for end in ends] == [True, False]
    assert ask(served, "POST", f"/v1/generations/{begun.id}/renew").status == 404


@pytest.mark.parametrize(
    ("target", "body", "status", "code"),
    [
        ("start", b'{"expires_in_seconds":86401}', 400, "invalid-request"),
        ("start", b'{"expires_in_seconds":0}', 400, "invalid-request"),
        ("start", b'{"expires_in_seconds":1e999}', 400, "invalid-request"),
        ("start", b'{"expected_seconds":-1}', 400, "invalid-request"),
        ("start", b'{"model":""}', 400, "invalid-request"),
        ("start", b'{"note":"' + b"x" * 201 + b'"}', 400, "invalid-request"),
        ("start", b'{"prompt":"a cat"}', 400, "invalid-request"),
        ("7/renew", b'{"expires_in_seconds":null}', 400, "invalid-request"),
        ("7/end", b"", 404, "generation-not-found"),
        ("0/renew", b"", 404, "generation-not-found"),
        ("%D9%A3/end", b"", 404, "generation-not-found"),
        ("9999999999999999999999/end", b"", 404, "generation-not-found"),
    ],
)
def test_a_bad_announcement_is_refused(served: Served, target: str, body: bytes, status: int, code: str) -> None:
    answer = ask(served, "POST", f"/v1/generations/{target}", body)
    assert (answer.status, msgspec.json.decode(answer.body, type=ErrorAnswer).error.code) == (status, code)


def test_trust_hands_over_who_and_why(served: Served) -> None:
    answer = ask(served, "POST", f"/v1/models/{quote(DAMAGED)}/trust", b'{"reason":"fine-tuned"}')
    assert msgspec.json.decode(answer.body, type=ModelAnswer).model.is_healthy
    [(model, files, caller, reason)] = served.facade.trusted
    assert (model, files, caller.uid, reason) == (DAMAGED, (), 0, "fine-tuned")
    [(level, event, facts)] = served.log.lines
    assert (level, event, facts["uid"]) == ("info", "act", 0)
    assert facts["target"] == f"/v1/models/{quote(DAMAGED)}/trust"


def test_events_go_on_after_a_number(served: Served) -> None:
    answer = msgspec.json.decode(ask(served, "GET", "/v1/events?since=3&limit=1").body, type=EventsAnswer)
    assert ([event.seq for event in answer.events], answer.last_event) == ([7], 7)


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/v1/models/nobody", 404, "model-not-found"),
        ("/v1/models/%00", 404, "model-not-found"),
        ("/v1/models/..%2F..%2Fetc%2Fpasswd/files", 404, "model-not-found"),
        ("/v1/models/../../etc/passwd", 404, "unknown-path"),
        ("/v1/models/%ff", 400, "invalid-request"),
        ("/v1/jobs/99", 404, "job-not-found"),
        ("/v1/jobs/-1", 404, "job-not-found"),
        ("/v1/jobs/1e3", 404, "job-not-found"),
        ("/v1/jobs/" + "9" * 5000, 404, "job-not-found"),
        ("/v1/jobs/%D9%A3", 404, "job-not-found"),
        ("/v1/events?since=x", 400, "invalid-request"),
        ("/v1/events?since_time=2026-01-01T00:00:00", 400, "invalid-request"),
        ("/v1/status?pretty=1", 400, "invalid-request"),
        ("/nothing", 404, "unknown-path"),
    ],
)
def test_errors_have_the_contracts_shape(served: Served, target: str, status: int, code: str) -> None:
    answer = ask(served, "GET", target)
    error = msgspec.json.decode(answer.body, type=ErrorAnswer).error
    assert (answer.status, error.code) == (status, code)
    assert error.message.startswith("cannot ")
    assert error.message.isprintable()
    assert error.suggestion


def test_a_wrong_method_is_told_the_right_one(served: Served) -> None:
    answer = ask(served, "DELETE", "/v1/models/a/trust")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_an_alert_is_acknowledged_by_who_asks(served: Served) -> None:
    answer = ask(served, "POST", "/v1/alerts/3/ack")
    assert msgspec.json.decode(answer.body, type=AlertAnswer).alert.acked_by == 0
    assert [line[1] for line in served.log.lines] == ["act"]
    for number in ("99", "x", "9" * 30):
        assert ask(served, "POST", f"/v1/alerts/{number}/ack").status == 404
    assert len(msgspec.json.decode(ask(served, "GET", "/v1/alerts?limit=1").body, type=AlertsAnswer).alerts) == 1
    tested = ask(served, "POST", "/v1/alerts/test", b'{"kind":"root-lost"}')
    assert msgspec.json.decode(tested.body, type=AlertTestAnswer).tested == ("root-lost",)


@pytest.mark.parametrize(
    ("name", "go", "code"), [(SOUND, True, "healthy"), (DAMAGED, False, "corrupted"), (UNREAD, False, "not-read")]
)
def test_the_gate_answers_with_a_reason(served: Served, name: str, go: bool, code: str) -> None:
    gate = msgspec.json.decode(ask(served, "GET", f"/v1/models/{quote(name)}/gate").body, type=GateAnswer).gate
    assert (gate.go, gate.code) == (go, code)
    assert gate.reason
    assert bool(gate.findings) is not go


def test_the_level_of_the_log_is_set(served: Served) -> None:
    answer = ask(served, "POST", "/v1/log-level", b'{"level":"warning"}')
    assert msgspec.json.decode(answer.body, type=LogLevelAnswer).level == served.facade.log_level == "warning"
    assert ask(served, "POST", "/v1/log-level", b'{"level":"loud"}').status == 400
    assert ask(served, "POST", "/v1/log-level").status == 400


def test_a_reload_is_told_what_is_wrong(served: Served) -> None:
    answer = ask(served, "POST", "/v1/reload")
    last_event = msgspec.json.decode(answer.body, type=ReloadAnswer).last_event
    told = msgspec.json.decode(ask(served, "GET", f"/v1/events?since={last_event}").body, type=EventsAnswer)
    assert (answer.status, [event.kind for event in told.events]) == (202, ["config-reloaded"])
    served.facade.config_fault = "cannot use the configuration: [[roots]] path: expected a string"
    refused = ask(served, "POST", "/v1/reload")
    assert (refused.status, msgspec.json.decode(refused.body, type=ErrorAnswer).error.code) == (422, "config-invalid")
