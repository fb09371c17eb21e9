"""The control API as any client sees it: JSON over HTTP over a Unix socket, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

Document = dict[str, Any]

ANSWER_S = 30.0
PATIENCE_S = 20.0
"""How long a test waits for what must happen: far more than it takes, on a machine that is far too busy."""


class Unexpected(Exception):
    """The daemon answered with an error, or what must happen did not."""


class UnixConnection(http.client.HTTPConnection):
    """HTTP to a Unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Control:
    """Asks the daemon whose control socket is at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, target: str) -> Document:
        return self._ask("GET", target, None)

    def post(self, target: str, body: Document) -> Document:
        return self._ask("POST", target, body)

    def status(self) -> Document:
        return self.get("/v1/status")

    def last_event(self) -> int:
        return int(self.status()["last_event"])

    def model(self, model_id: str) -> Document:
        """The present verdict, as IntegrityResult."""
        found: Document = self.get(f"/v1/models/{quote(model_id, safe='')}")["model"]
        return found

    def files(self, model_id: str) -> list[Document]:
        found: list[Document] = self.get(f"/v1/models/{quote(model_id, safe='')}/files")["files"]
        return found

    def trust(self, model_id: str, *, reason: str = "") -> Document:
        found: Document = self.post(f"/v1/models/{quote(model_id, safe='')}/trust", {"reason": reason})["model"]
        return found

    def begin_check(self, model_id: str, *, full: bool = False) -> Document:
        job: Document = self.post(f"/v1/models/{quote(model_id, safe='')}/check", {"full": full})["job"]
        return job

    def check(self, model_id: str, *, full: bool = False) -> Document:
        """Check, wait, and return the IntegrityResult."""
        return self.result_of(self.begin_check(model_id, full=full)["id"])

    def result_of(self, job_id: int) -> Document:
        """Wait for a job's end and return its result."""
        job = self.await_end(job_id)
        if job["state"] != "done":
            raise Unexpected(f"job {job_id} ended as {job['state']}: {job['error']}")
        result: Document = job["result"]
        return result

    def await_end(self, job_id: int) -> Document:
        """Wait for a job's end; returns its row, whatever came of it."""
        return until(lambda: self._ended(job_id), f"job {job_id} ends")

    def events(self, since: int = 0, *, wait_s: float = 0.0) -> list[Document]:
        """All events after number `since`; where there are none yet, waits `wait_s` for the next."""
        found: list[Document] = []
        while page := self.get(f"/v1/events?since={since}&limit=1000&wait_s={wait_s:g}")["events"]:
            found += page
            since, wait_s = page[-1]["seq"], 0.0
        return found

    def await_event(self, since: int, wanted: Callable[[Document], bool]) -> Document:
        """The first wanted event after number `since`, by long polling."""
        deadline = time.monotonic() + PATIENCE_S
        seen: list[Document] = []
        while time.monotonic() < deadline:
            page = self.events(since, wait_s=1.0)
            for event in page:
                if wanted(event):
                    return event
            seen += page
            since = page[-1]["seq"] if page else since
        told = "\n".join(f"{event['seq']} {event['kind']} {event['message']}" for event in seen)
        raise Unexpected(f"the event did not come within {PATIENCE_S:g} s; these came:\n{told}")

    def await_kind(self, since: int, kind: str) -> Document:
        return self.await_event(since, lambda event: event["kind"] == kind)

    def await_status(self, model_id: str, status: str) -> Document:
        """Wait until the model has this health status; returns its verdict."""
        return until(lambda: self._has(model_id, status), f"{model_id} is {status}")

    def _has(self, model_id: str, status: str) -> Document | None:
        if any(row["id"] == model_id and row["status"] == status for row in self.status()["models"]):
            return self.model(model_id)
        return None

    def _ended(self, job_id: int) -> Document | None:
        job: Document = self.get(f"/v1/jobs/{job_id}")["job"]
        return None if job["state"] == "running" else job

    def _ask(self, method: str, target: str, body: Document | None) -> Document:
        connection = UnixConnection(self.path, ANSWER_S)
        try:
            connection.request(method, target, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            document: Document = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status >= http.client.BAD_REQUEST:
            raise Unexpected(f"{method} {target}: {answer.status} {document}")
        return document


def until(look: Callable[[], Document | None], what: str, *, every_s: float = 0.01) -> Document:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(every_s)
    raise Unexpected(f"after {PATIENCE_S:g} s it is still not so that {what}")
