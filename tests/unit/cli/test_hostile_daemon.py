"""A daemon that lies: `healthctl` says so, and its terminal survives."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.unit.cli.healthctl import Healthctl

COMMANDS = [
    *("status", "status m", "check m", "files m", "events", "report", "report m", "jobs", "doctor", "version", "trust m --yes"),
    *("gate m", "models", "models forget m --yes", "sweep", "sweep start --wait", "alert", "alert ack 1", "alert test"),
    *("log-level debug", "reload", "reload --wait"),
]
BODIES = [
    b"{}",
    b'{"schema":1}',
    b'{"schema":1,"models":[1]}',
    b'{"status":"healthy","models":{},"now":"x"}',
    b'{"model":{"model_id":7}}',
    b'{"files":[{"path":"a","status":null}],"model_id":"m"}',
    b'{"events":[{}],"last_event":1,"stream":"s"}',
    b'{"events":[],"last_event":"x"}',
    b'{"job":{"id":1,"state":"done"},"jobs":[{}],"timers":[]}',
    b'{"report":{},"corruption":[],"version":1}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
]
EVENT = b'{"seq":5,"at":"2026-01-01T00:00:00Z","kind":"k","message":"\\u001b[2Jx"}'
FOREVER = b'{"schema":1,"stream":"s","last_event":5,"events":[' + EVENT + b"]}"


class Liar:
    """Answers every request with the same body."""

    def __init__(self, path: Path, body: bytes) -> None:
        self._body = body
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Liar:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nServer: wan-healthd/0.1.0\r\nContent-Length: %d\r\n\r\n" % len(self._body)
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                with suppress(BrokenPipeError, ConnectionResetError):
                    connection.sendall(head + self._body)


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("words", COMMANDS)
def test_a_nonsense_answer_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, body: bytes) -> None:
    with Liar(tmp_path / "s", body):
        said = Healthctl(str(tmp_path / "s"), capsys)(*words.split())
    assert said.status in (0, 6)
    if said.status:
        assert "healthctl: cannot understand the answer" in said.err


def test_events_that_never_end_are_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Liar(tmp_path / "s", FOREVER):
        said = Healthctl(str(tmp_path / "s"), capsys)("events")
    assert said.status == 6
    assert "last_event does not rise" in said.err
    assert "\x1b" not in said.out
