"""The daemon as its client sees it: one method a verb, named as in `wire.facade`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from wan_healthd.client.connection import exchange
from wan_healthd.client.discovery import Place
from wan_healthd.client.document import Document, parse
from wan_healthd.client.errors import Refused
from wan_healthd.client.http import HttpAnswer
from wan_healthd.client.product import FIRST_ERROR, version_of
from wan_healthd.client.quoting import quote

ANSWER_S = 30.0


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

    @property
    def places(self) -> Sequence[Place]:
        """Where its socket may be."""
        return self._places

    def status(self) -> Answer:
        """`StatusAnswer`."""
        return self._get("/v1/status")

    def doctor(self, *, network: bool) -> Answer:
        """`DoctorAnswer`."""
        return self._get("/v1/doctor?network=true" if network else "/v1/doctor")

    def list_models(self) -> Answer:
        """`ModelsAnswer`."""
        return self._get("/v1/models")

    def get_model(self, model_id: str) -> Answer:
        """`ModelAnswer`."""
        return self._get(f"/v1/models/{quote(model_id)}")

    def list_files(self, model_id: str) -> Answer:
        """`FilesAnswer`."""
        return self._get(f"/v1/models/{quote(model_id)}/files")

    def get_corruption(self, model_id: str) -> Answer:
        """`CorruptionAnswer`."""
        return self._get(f"/v1/models/{quote(model_id)}/corruption")

    def gate(self, model_id: str) -> Answer:
        """`GateAnswer`."""
        return self._get(f"/v1/models/{quote(model_id)}/gate")

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

    def list_sweeps(self) -> Answer:
        """`SweepsAnswer`."""
        return self._get("/v1/sweeps")

    def start_sweep(self, *, full: bool) -> Answer:
        """`JobAnswer`."""
        return self._post("/v1/sweeps", {"full": full})

    def pause_sweeps(self, reason: str) -> Answer:
        """`SweepsAnswer`."""
        return self._post("/v1/sweeps/pause", {"reason": reason})

    def resume_sweeps(self) -> Answer:
        """`SweepsAnswer`."""
        return self._post("/v1/sweeps/resume", {})

    def list_generations(self) -> Answer:
        """`GenerationsAnswer`."""
        return self._get("/v1/generations")

    def start_generation(self, fields: dict[str, object], timeout_s: float = ANSWER_S) -> Answer:
        """`GenerationAnswer`; `fields` as in `GenerationStart`."""
        return self._post("/v1/generations/start", fields, timeout_s)

    def renew_generation(self, number: int, expires_in_s: float, timeout_s: float = ANSWER_S) -> Answer:
        """`GenerationAnswer`."""
        return self._post(f"/v1/generations/{number}/renew", {"expires_in_seconds": expires_in_s}, timeout_s)

    def end_generation(self, number: int, timeout_s: float = ANSWER_S) -> Answer:
        """`GenerationEndAnswer`."""
        return self._post(f"/v1/generations/{number}/end", {}, timeout_s)

    def list_alerts(self) -> Answer:
        """`AlertsAnswer`."""
        return self._get("/v1/alerts")

    def acknowledge_alert(self, number: int) -> Answer:
        """`AlertAnswer`."""
        return self._post(f"/v1/alerts/{number}/ack", {})

    def test_alerts(self, kind: str | None) -> Answer:
        """`AlertTestAnswer`."""
        return self._post("/v1/alerts/test", {"kind": kind})

    def trust(self, model_id: str, files: Sequence[str], reason: str) -> Answer:
        """`ModelAnswer`."""
        return self._post(f"/v1/models/{quote(model_id)}/trust", {"files": list(files), "reason": reason})

    def set_log_level(self, level: str) -> Answer:
        """`LogLevelAnswer`."""
        return self._post("/v1/log-level", {"level": level})

    def reload(self) -> Answer:
        """`ReloadAnswer`."""
        return self._post("/v1/reload", {})

    def version(self) -> Answer:
        """`VersionAnswer`."""
        return self._get("/v1/version")

    def _get(self, target: str, timeout_s: float = ANSWER_S) -> Answer:
        return self._judged(exchange(self._places, "GET", target, None, timeout_s))

    def _post(self, target: str, fields: dict[str, object], timeout_s: float = ANSWER_S) -> Answer:
        return self._judged(exchange(self._places, "POST", target, json.dumps(fields).encode("ascii"), timeout_s))

    def _judged(self, answer: HttpAnswer) -> Answer:
        version = version_of(answer)
        if self._greet is not None:
            self._greet(version)
            self._greet = None
        document = parse(answer.body)
        if answer.status >= FIRST_ERROR:
            error = document.part("error")
            raise Refused(error.text("code"), error.lines("message"), error.text("suggestion"), error.text("category"))
        return Answer(answer.body, document)
