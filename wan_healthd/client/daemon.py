"""The daemon as its client sees it: one method a verb, named as in `wire.facade`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from wan_healthd.client.connection import exchange
from wan_healthd.client.discovery import Place
from wan_healthd.client.document import Document, parse
from wan_healthd.client.errors import AnswerNotUnderstood, Refused
from wan_healthd.client.http import HttpAnswer
from wan_healthd.domain.paths import printable

ANSWER_S = 30.0
_PRODUCT = "wan-healthd/"
_FIRST_ERROR = 400
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Answer(NamedTuple):
    """A good answer: the bytes as they came, and the object they hold."""

    body: bytes
    document: Document


class Daemon:
    """Asks the daemon. Every method raises ClientError: Refused where the daemon says no, others where it says nothing.

    Args:
        places: where its socket may be.
        greet: called once, with the daemon's version, when it has answered for the first time.
    """

    def __init__(self, places: Sequence[Place], greet: Callable[[str], None]) -> None:
        self._places = places
        self._greet: Callable[[str], None] | None = greet

    def status(self) -> Answer:
        """`StatusAnswer`."""
        return self._get("/v1/status")

    def get_model(self, model_id: str) -> Answer:
        """`ModelAnswer`."""
        return self._get(f"/v1/models/{quote(model_id)}")

    def list_files(self, model_id: str) -> Answer:
        """`FilesAnswer`."""
        return self._get(f"/v1/models/{quote(model_id)}/files")

    def get_corruption(self, model_id: str) -> Answer:
        """`CorruptionAnswer`."""
        return self._get(f"/v1/models/{quote(model_id)}/corruption")

    def get_health_report(self) -> Answer:
        """`ReportAnswer`."""
        return self._get("/v1/report")

    def list_events(self, query: dict[str, str], wait_s: float = 0.0) -> Answer:
        """`EventsAnswer`; `query` as in `EventsQuery`, beside `wait_s`."""
        pairs = {**query, "wait_s": f"{wait_s:g}"} if wait_s else query
        asked = "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs.items())
        return self._get(f"/v1/events?{asked}" if asked else "/v1/events", ANSWER_S + wait_s)

    def start_check(self, model_id: str, *, full: bool) -> Answer:
        """`JobAnswer`."""
        return self._post(f"/v1/models/{quote(model_id)}/check", {"full": full})

    def get_job(self, job_id: int) -> Answer:
        """`JobAnswer`."""
        return self._get(f"/v1/jobs/{job_id}")

    def list_jobs(self) -> Answer:
        """`JobsAnswer`."""
        return self._get("/v1/jobs")

    def trust(self, model_id: str, files: Sequence[str], reason: str) -> Answer:
        """`ModelAnswer`."""
        return self._post(f"/v1/models/{quote(model_id)}/trust", {"files": list(files), "reason": reason})

    def version(self) -> Answer:
        """`VersionAnswer`."""
        return self._get("/v1/version")

    def _get(self, target: str, timeout_s: float = ANSWER_S) -> Answer:
        return self._judged(exchange(self._places, "GET", target, None, timeout_s))

    def _post(self, target: str, fields: dict[str, object]) -> Answer:
        return self._judged(exchange(self._places, "POST", target, json.dumps(fields).encode("ascii"), ANSWER_S))

    def _judged(self, answer: HttpAnswer) -> Answer:
        server = answer.headers.get("server", "")
        if not server.startswith(_PRODUCT):
            raise AnswerNotUnderstood("it does not come from wan-healthd")
        if self._greet is not None:
            self._greet(printable(server.removeprefix(_PRODUCT)))
            self._greet = None
        document = parse(answer.body)
        if answer.status >= _FIRST_ERROR:
            error = document.part("error")
            raise Refused(error.text("code"), error.text("message"), error.text("suggestion"))
        return Answer(answer.body, document)


def quote(name: str) -> str:
    """Percent-encode every byte but RFC 3986's unreserved ones; a slash too, so that a model's id stays one segment."""
    return "".join(char if char in _PLAIN else _escaped(char) for char in name)


def _escaped(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))
