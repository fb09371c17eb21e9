"""Servers that lie, drip, hang up or never stop: the clients for programs end in time, with an error that has a name."""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.unit.client.programs import CLIENTS, IMPATIENT_S, Blocking
from wan_healthd.client import AnswerNotUnderstood, ClientError, DaemonUnreachable, EventsMissed
from wan_healthd.client.http import LARGEST_BODY

HEAD = b"HTTP/1.1 200 OK\r\nServer: wan-healthd/0.1.0\r\nContent-Length: %d\r\n\r\n"
Behaviour = Callable[[socket.socket], None]
Program = Callable[..., Blocking]

pytestmark = [
    pytest.mark.parametrize("program", CLIENTS, ids=["blocking", "awaiting"]),
    pytest.mark.filterwarnings("ignore::wan_healthd.client.errors.VersionMismatch"),
]


@contextmanager
def server(path: Path, behave: Behaviour) -> Iterator[Path]:
    """Treats every connection as `behave` says, one after the other."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(BrokenPipeError, ConnectionResetError):
                behave(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield path
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        listener.close()


def always(body: bytes) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(HEAD % len(body) + body)

    return behave


def page(stream: str, *numbers: int) -> bytes:
    events = [
        {"stream": stream, "seq": seq, "at": "2026-01-01T00:00:00Z", "kind": "sweep-finished", "message": "m"}
        for seq in numbers
    ]
    return json.dumps({"schema": 1, "stream": stream, "last_event": 0, "events": events, "first_event": 1}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"x":' * 100_000,
        b'{"schema":1,"models":[{"id":7}]}',
        b'{"schema":"1","version":1,"pid":[]}',
    ],
    ids=range(8),
)
@pytest.mark.parametrize("verb", ["status", "list_models", "version", "list_jobs", "get_health_report", "list_sweeps"])
def test_nonsense_is_not_understood(tmp_path: Path, program: Program, verb: str, body: bytes) -> None:
    with server(tmp_path / "s", always(body)) as path:
        error = program(path).raises(verb)
    assert isinstance(error, AnswerNotUnderstood)
    assert error.message.isprintable()


def test_something_else_is_not_taken_for_the_daemon(tmp_path: Path, program: Program) -> None:
    answer = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 2\r\n\r\n{}"
    with server(tmp_path / "s", lambda connection: connection.sendall(answer)) as path:
        assert "does not come from wan-healthd" in program(path).raises("status").message


def test_a_drip_ends_at_the_deadline(tmp_path: Path, program: Program) -> None:
    def drip(connection: socket.socket) -> None:
        for _ in range(200):
            connection.sendall(b"H")
            time.sleep(0.02)

    began = time.monotonic()
    with server(tmp_path / "s", drip) as path:
        error = program(path, timeout_s=IMPATIENT_S).raises("status")
        assert isinstance(error, DaemonUnreachable)
        assert "no complete answer after 0.3 s" in error.message
    assert time.monotonic() - began < 3


def test_whoever_turns_us_away_unread_is_still_heard(tmp_path: Path, program: Program) -> None:
    """As our server does with one connection too many."""
    body = b'{"error":{"code":"too-many-connections","category":"system","message":"cannot serve","suggestion":"try again"}}'
    answer = b"HTTP/1.1 503 No\r\nServer: wan-healthd/1\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with server(tmp_path / "s", lambda connection: connection.sendall(answer)) as path:
        for _ in range(20):  # before, while and after we send
            assert program(path).raises("status").code == "too-many-connections"


def test_an_endless_answer_is_cut_off(tmp_path: Path, program: Program) -> None:
    def pour(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nServer: wan-healthd/1\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall(b"%x\r\n" % (LARGEST_BODY + 1))

    with server(tmp_path / "s", pour) as path:
        assert "larger than 64 MiB" in program(path).raises("status").message


def test_hanging_up_is_an_error_at_once(tmp_path: Path, program: Program) -> None:
    def hang_up(connection: socket.socket) -> None:
        connection.recv(10)

    with server(tmp_path / "s", hang_up) as path:
        assert isinstance(program(path).raises("status"), DaemonUnreachable)


def test_a_full_backlog_is_waited_for(tmp_path: Path, program: Program) -> None:
    """A Unix socket without room refuses at once; asyncio on its own takes that for a connection."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen(0)
    filler = socket.socket(socket.AF_UNIX)
    filler.connect(str(tmp_path / "s"))

    def make_room() -> None:
        time.sleep(0.3)
        for _ in range(2):
            connection, _ = listener.accept()
            with connection, suppress(BrokenPipeError):
                connection.sendall(HEAD % 2 + b"{}")

    thread = threading.Thread(target=make_room)
    thread.start()
    try:
        assert isinstance(program(tmp_path / "s").raises("status"), AnswerNotUnderstood)
    finally:
        thread.join(10)
        filler.close()
        listener.close()


def test_events_that_do_not_rise_are_noticed(tmp_path: Path, program: Program) -> None:
    with server(tmp_path / "s", always(page("a", 1, 2, 2))) as path, pytest.raises(AnswerNotUnderstood, match="do not rise"):
        program(path).take(9)
    with server(tmp_path / "t", always(page("a", 1, 2))) as path, pytest.raises(AnswerNotUnderstood, match="do not rise"):
        program(path).take(9)


def test_events_that_were_rolled_up_are_missed_aloud(tmp_path: Path, program: Program) -> None:
    body = page("a", 50).replace(b'"first_event": 1', b'"first_event": 50')
    with server(tmp_path / "s", always(body)) as path:
        assert [event.seq for event in program(path).take(1)] == [50]
        with pytest.raises(EventsMissed, match="before number 50 are counts only"):
            program(path).take(1, since=20)
        told: list[EventsMissed] = []
        assert [event.seq for event in program(path).take(1, since=20, on_missed=told.append)] == [50]
        assert [(error.first_event, error.is_new_stream) for error in told] == [(50, False)]
        assert program(path).take(1, since=49)


def test_ever_new_histories_do_not_keep_us_busy(tmp_path: Path, program: Program) -> None:
    streams = itertools.count()
    asked: list[float] = []

    def renew(connection: socket.socket) -> None:
        asked.append(time.monotonic())
        always(page(f"stream {next(streams)}"))(connection)

    told: list[EventsMissed] = []

    def enough(missed: EventsMissed) -> None:
        told.append(missed)
        if len(told) == 2:
            raise missed

    with server(tmp_path / "s", renew) as path, pytest.raises(ClientError):
        program(path).take(1, on_missed=enough)
    assert len(asked) == 3
    assert asked[-1] - asked[1] > 0.9
