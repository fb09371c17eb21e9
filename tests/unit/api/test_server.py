"""What a hostile client may try, over a real socket."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.facade import DAMAGED, FakeFacade
from tests.fakes.serving import Served, drain, serving
from wan_healthd.api.limits import IDLE_S, Limits
from wan_healthd.domain.verdicts import SystemHealthReport
from wan_healthd.wire.answers import StatusAnswer

GET = b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n"
LONG_POLL = b"GET /v1/events?since=8&wait_s=30 HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHECK = b"POST /v1/models/fresh/check HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"


def verdict(answer: bytes) -> tuple[int, str]:
    """Status and error code of the first answer; proves that it is ours and in the contract's shape."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nServer: wan-healthd/0.1.0\r\n" in head + b"\r\n"
    assert b"\r\nContent-Type: application/json\r\n" in head + b"\r\n"
    error: dict[str, Any] = json.loads(body)["error"]
    assert error["message"].startswith("cannot ")
    assert "Traceback" not in body.decode()
    return int(head.split()[1]), error["code"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"garbage\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /v1/status HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\nBad\x00Header: 1\r\n\r\n",
        GET + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
        GET + b"".join(b"X-%d: x\r\n" % number for number in range(1000)) + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        GET + b"Content-Length: x\r\n\r\n",
        GET + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_what_is_not_http_gets_an_error_in_our_shape(served: Served, request_bytes: bytes) -> None:
    assert verdict(served.exchange(request_bytes)) == (400, "invalid-request")
    assert served.log.lines == []


@pytest.mark.parametrize(
    "header", [b"Host: localhost\r\nOrigin: null", b"Host: localhost\r\nReferer: http://localhost/", b"Host: evil.example"]
)
def test_web_pages_are_refused(served: Served, header: bytes) -> None:
    request = b"GET /v1/status HTTP/1.1\r\nConnection: close\r\n" + header + b"\r\n\r\n"
    assert verdict(served.exchange(request)) == (403, "foreign-request")


def test_two_hosts_are_refused(served: Served) -> None:
    assert verdict(served.exchange(GET + b"Host: localhost\r\nConnection: close\r\n\r\n"))[0] == 400


def test_a_body_of_2_mib_is_refused_before_it_is_read(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(CHECK + b"Content-Length: 2097152\r\n\r\n")
        assert verdict(drain(connection)) == (413, "body-too-large")


def test_a_body_that_does_not_state_its_length_is_bounded_too(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(CHECK + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(40):
                connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert verdict(drain(connection)) == (413, "body-too-large")


def test_a_compressed_bomb_stays_compressed(served: Served) -> None:
    request = CHECK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"
    assert verdict(served.exchange(request)) == (400, "invalid-request")


def test_a_broken_chunk_is_refused(served: Served) -> None:
    assert verdict(served.exchange(CHECK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"))[0] == 400
    assert "request-failed" not in served.log.events()


def test_curl_that_waits_for_100_is_told_to_go_on(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(CHECK + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"{}")
        assert drain(connection).startswith(b"HTTP/1.1 202 ")


def test_a_client_that_vanishes_in_its_body_is_not_our_fault(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(CHECK + b"Content-Length: 100\r\n\r\n{")
    assert served.exchange(GET + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert "request-failed" not in served.log.events()


def test_connections_are_kept_and_pipelined_requests_answered_in_order(served: Served) -> None:
    first = b"GET /v1/jobs/7 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answers = served.exchange(first * 50 + GET + b"Connection: close\r\n\r\n")
    assert answers.count(b"job-not-found") == 50
    assert answers.endswith(b"}")
    assert b'"overall_health_score"' in answers.rpartition(b"HTTP/1.1 200")[2]


def test_half_sent_requests_are_cut_off(tmp_path: Path) -> None:
    with serving(tmp_path, limits=Limits(idle_s=0.3, body_s=0.3)) as served:
        started = time.monotonic()
        assert served.exchange(GET) == b""  # the head never ends
        assert served.exchange(b"") == b""  # it never begins
        assert verdict(served.exchange(CHECK + b"Content-Length: 10\r\n\r\n{")) == (408, "request-too-slow")
        with served.connect() as dripping:  # a drop now and then buys no time
            dripping.sendall(GET)
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                for _ in range(50):
                    time.sleep(0.05)
                    dripping.sendall(b"X")
        assert time.monotonic() - started < 4


def test_a_client_that_never_reads_is_cut_off(tmp_path: Path) -> None:
    with serving(tmp_path, limits=Limits(send_s=0.3)) as served:
        served.facade.files[DAMAGED] *= 20_000
        with served.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(b"GET /v1/models/Wan-AI%2FWan2.2-T2V-A14B/files HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(2.0)
            assert len(drain(connection)) < 5_000_000
        assert served.log.events() == []


def test_connections_are_bounded(tmp_path: Path) -> None:
    with serving(tmp_path, limits=Limits(connections=3)) as served:
        held = [served.connect() for _ in range(3)]
        try:
            for connection in held:
                connection.sendall(LONG_POLL)
            time.sleep(IDLE_S + 0.2)  # however long they wait, who waits for an answer is not idle
            assert verdict(served.exchange(b"")) == (503, "too-many-connections")
        finally:
            for connection in held:
                connection.close()
        deadline = time.monotonic() + 5
        while not (answer := served.exchange(GET + b"Connection: close\r\n\r\n")).startswith(b"HTTP/1.1 200"):
            assert time.monotonic() < deadline, answer


def test_a_question_ends_with_its_client_but_an_act_goes_on(tmp_path: Path) -> None:
    with serving(tmp_path, facade=SlowFacade(), limits=Limits(connections=2)) as served:
        for _ in range(4):
            with served.connect() as vanishing:
                vanishing.sendall(LONG_POLL)
                time.sleep(0.1)
        with served.connect() as vanishing:
            vanishing.sendall(b"POST /v1/reload HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(0.1)
        assert served.exchange(GET + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        assert served.facade.reloads == 0
        time.sleep(SlowFacade.SLOWNESS_S)
        assert served.facade.reloads == 1


def test_of_idle_connections_the_oldest_makes_room(tmp_path: Path) -> None:
    with serving(tmp_path, limits=Limits(connections=3)) as served:
        polling, oldest, younger = (served.connect() for _ in range(3))
        with polling, oldest, younger:
            polling.sendall(LONG_POLL)
            oldest.sendall(GET)  # half of a request: nobody is served by that
            assert verdict(served.exchange(b"")) == (503, "too-many-connections")  # it may still come
            time.sleep(IDLE_S + 0.2)
            younger.sendall(GET + b"\r\n")
            assert younger.recv(15) == b"HTTP/1.1 200 OK"
            assert served.exchange(GET + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 200 ")
            assert drain(oldest) == b""
            younger.sendall(GET + b"Connection: close\r\n\r\n")
            assert b"HTTP/1.1 200 OK" in drain(younger)


def body_size(answer: bytes) -> int:
    return len(answer.partition(b"\r\n\r\n")[2])


def test_answers_that_nobody_takes_are_bounded(tmp_path: Path) -> None:
    with serving(tmp_path, limits=Limits(unsent_bytes=3_000_000)) as served:
        served.facade.files[DAMAGED] *= 1000
        ask = b"GET /v1/models/Wan-AI%2FWan2.2-T2V-A14B/files HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        size = body_size(served.exchange(ask))
        assert 1_000_000 < size < 3_000_000
        lazy = [served.connect() for _ in range(6)]
        for connection in lazy:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(ask)
        time.sleep(1.0)
        answers = [drain(connection) for connection in lazy]
        for connection in lazy:
            connection.close()
        taken = [answer for answer in answers if body_size(answer) == size]
        refused = [verdict(answer) for answer in answers if body_size(answer) < size]
        assert (len(taken) + len(refused), set(refused)) == (6, {(503, "too-much-unread")})
        assert 1 <= len(taken) <= 2
        assert body_size(served.exchange(ask)) == size  # as soon as they are taken, there is room again


class SlowFacade(FakeFacade):
    SLOWNESS_S = 0.5

    async def reload(self) -> int:
        await asyncio.sleep(self.SLOWNESS_S)
        return await super().reload()


class FaultyFacade(FakeFacade):
    async def status(self) -> StatusAnswer:
        raise ZeroDivisionError("secret detail")

    async def get_health_report(self) -> SystemHealthReport:
        raise RuntimeError("secret \ud800")


@pytest.mark.parametrize("target", [b"/v1/status", b"/v1/report"])
def test_a_fault_of_ours_is_logged_and_not_shown(tmp_path: Path, target: bytes) -> None:
    with serving(tmp_path, facade=FaultyFacade()) as served:
        answer = served.exchange(b"GET " + target + b" HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n")
    assert verdict(answer) == (500, "internal-error")
    assert b"secret" not in answer
    [(level, event, facts)] = served.log.lines
    assert (level, event) == ("error", "request-failed")
    assert isinstance(facts["exc_info"], (ZeroDivisionError, RuntimeError))


def test_closing_ends_long_polls(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        waiting = served.connect(timeout_s=10)
        waiting.sendall(b"GET /v1/events?since=8&wait_s=60 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.2)
        started = time.monotonic()
    assert time.monotonic() - started < 3
    with waiting:
        assert drain(waiting) == b""


def test_old_http_is_spoken_too(served: Served) -> None:
    answer = served.exchange(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
    assert answer.endswith(b'{"schema":1,"ok":true}')


@pytest.mark.parametrize("kind", [b"application/x-www-form-urlencoded", b"text/xml; charset=latin-1"])
def test_a_body_is_json_whatever_it_is_called(served: Served, kind: bytes) -> None:
    """`curl -d` calls everything a form."""
    head = CHECK + b"Content-Type: " + kind + b"\r\nContent-Length: "
    assert served.exchange(head + b'13\r\n\r\n{"full":true}').startswith(b"HTTP/1.1 202 ")
    assert verdict(served.exchange(head + b"9\r\n\r\nfull=true"))[0] == 400


@pytest.mark.parametrize("method", [b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE"])
def test_other_methods_are_refused(served: Served, method: bytes) -> None:
    answer = served.exchange(method + b" /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nAllow: GET\r\n" in answer
