"""`--json` of every command against the schema of its document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from msgspec import Struct

from tests.fakes.facade import DAMAGED, SOUND, UNREAD, job_failure
from tests.fakes.serving import Served
from tests.unit.cli.crowded import GONE, LONG, crowd
from tests.unit.cli.documents import DOCUMENTS, ErrorDocument, schema_of
from tests.unit.cli.healthctl import Healthctl, Said
from wan_healthd.cli.commands import COMMANDS

COMMAND_LINES = [
    ("status", ["status"]),
    ("status MODEL", ["status", DAMAGED]),
    ("check", ["check", SOUND, DAMAGED, "nobody"]),
    ("check", ["check", SOUND, "--no-wait"]),
    ("gate", ["gate", SOUND]),
    ("gate", ["gate", DAMAGED]),
    ("gate", ["gate", UNREAD]),
    ("report", ["report"]),
    ("report MODEL", ["report", DAMAGED]),
    ("files", ["files", DAMAGED]),
    ("files", ["files", UNREAD, "--bad"]),
    ("events", ["events"]),
    ("events", ["events", "--since", "99"]),
    ("jobs", ["jobs"]),
    ("sweep", ["sweep"]),
    ("sweep", ["sweep", "status"]),
    ("sweep start", ["sweep", "start"]),
    ("sweep start", ["sweep", "start", "--wait"]),
    ("sweep pause", ["sweep", "pause", "--reason", "a film"]),
    ("sweep resume", ["sweep", "resume"]),
    ("generation", ["generation"]),
    ("generation", ["generation", "list"]),
    ("generation start", ["generation", "start", "wan", "--for", "15m", "--note", "a film"]),
    ("generation renew", ["generation", "renew", "1"]),
    ("generation end", ["generation", "end", "1"]),
    ("alert", ["alert"]),
    ("alert", ["alert", "list", "--all"]),
    ("alert ack", ["alert", "ack", "2", "3"]),
    ("alert test", ["alert", "test"]),
    ("trust", ["trust", DAMAGED, "--yes"]),
    ("models", ["models"]),
    ("models", ["models", "list", "--ids"]),
    ("log-level", ["log-level", "warning"]),
    ("reload", ["reload"]),
    ("reload", ["reload", "--wait"]),
    ("doctor", ["doctor"]),
    ("doctor", ["doctor", "--network", "--verbose"]),
    ("doctor", ["doctor", "--socket", "/nonexistent"]),
    ("completion", ["completion", "bash"]),
    ("version", ["version"]),
]


def check_document(said: Said, document: type[Struct]) -> dict[str, Any]:
    """It is one line, and what the schema says."""
    assert said.out.count("\n") == 1
    found: dict[str, Any] = json.loads(said.out)
    Draft202012Validator(schema_of(document)).validate(found)
    assert found["schema"] == 1
    return found


@pytest.mark.parametrize(
    ("document", "words"), COMMAND_LINES, ids=lambda item: " ".join(item) if isinstance(item, list) else ""
)
def test_each_document_is_what_its_schema_says(healthctl: Healthctl, document: str, words: list[str]) -> None:
    healthctl("check", UNREAD, "--no-wait")
    healthctl("generation", "start")
    plain = healthctl(*words)
    said = healthctl("--json", *words)
    check_document(said, DOCUMENTS[document])
    assert said.status == plain.status
    assert said.err == plain.err


@pytest.mark.parametrize(
    ("document", "words"),
    [("status", ["status"]), ("status MODEL", ["status", LONG]), ("files", ["files", LONG]), ("models", ["models"])],
)
def test_what_is_hard_to_show_is_no_harder_to_write(
    healthctl: Healthctl, served: Served, document: str, words: list[str]
) -> None:
    crowd(served.facade)
    check_document(healthctl("--json", *words), DOCUMENTS[document])


def test_a_model_is_forgotten(healthctl: Healthctl, served: Served) -> None:
    crowd(served.facade)
    said = healthctl("--json", "models", "forget", GONE, "--yes", "--reason", "sold")
    check_document(said, DOCUMENTS["models forget"])
    assert [(model, files, reason) for model, files, _, reason in served.facade.trusted] == [
        (GONE, ("/srv/models/gone/w.safetensors",), "sold")
    ]


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (["status", "nobody"], "model-not-found", 5),
        (["gate", "nobody"], "model-not-found", 5),
        (["report", "nobody"], "model-not-found", 5),
        (["files", "nobody"], "model-not-found", 5),
        (["trust", DAMAGED], "needs-confirmation", 2),
        (["alert", "ack", "99"], "alert-not-found", 5),
        (["generation", "end", "99"], "generation-not-found", 5),
        (["models", "forget", SOUND, "--yes"], "model-present", 6),
        (["status", "--socket", "/nonexistent"], "daemon-unreachable", 3),
        (["version", "--socket", "/nonexistent"], "daemon-unreachable", 3),
        (["top", "--socket", "/nonexistent"], "daemon-unreachable", 3),
    ],
)
def test_an_error_is_a_document_too(healthctl: Healthctl, words: list[str], code: str, status: int) -> None:
    said = healthctl("--json", *words)
    assert check_document(said, ErrorDocument)["error"]["code"] == code
    assert said.status == status
    assert said.err.startswith("healthctl: cannot ")


def test_checks_that_fail_are_in_the_document(healthctl: Healthctl, served: Served) -> None:
    served.facade.failure = job_failure()
    said = healthctl("--json", "check", SOUND, "nobody")
    found = check_document(said, DOCUMENTS["check"])
    assert [job["error"]["code"] for job in found["jobs"]] == ["worker-failed"]
    assert [error["code"] for error in found["errors"]] == ["model-not-found"]
    assert said.status == 6


def test_every_command_has_a_document() -> None:
    assert {name.split()[0] for name in DOCUMENTS} == {command.name for command in COMMANDS}
