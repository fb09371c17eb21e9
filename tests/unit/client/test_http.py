"""Hostile answers, byte by byte and all at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wan_healthd.client.errors import AnswerNotUnderstood, ConnectionLost
from wan_healthd.client.http import LARGEST_BODY, read_answer

HEAD = b"HTTP/1.1 200 OK\r\nServer: wan-healthd/1\r\n"


def source(answer: bytes, step: int) -> Callable[[int], bytes]:
    pieces = iter([answer[at : at + step] for at in range(0, len(answer), step)])
    return lambda _size: next(pieces, b"")


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (HEAD + b"Content-Length: 2\r\n\r\n{}", b"{}"),
        (HEAD + b"Content-Length: 2\r\n\r\n{}rest", b"{}"),
        (HEAD + b"CONTENT-LENGTH:2\r\n\r\n{}", b"{}"),
        (HEAD + b"Content-Length: 0\r\n\r\n", b""),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n", b"{}"),
        (b"HTTP/1.0 200\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
    ],
)
def test_good_answers(answer: bytes, body: bytes, step: int) -> None:
    read = read_answer(source(answer, step))
    assert (read.status, read.body) == (200, body)


@pytest.mark.parametrize("step", [3, 1 << 20])
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"),
        (b"HTTP/2 200\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "status is 100"),
        (b"HTTP/1.1 999 X\r\n\r\n", "status is 999"),
        (HEAD + b"\r\n", "how long"),
        (HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", "how long"),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n{}", "how long"),
        (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "two headers"),
        (HEAD + b"Content-Length: -1\r\n\r\n{}", "length is malformed"),
        (HEAD + b"Content-Length: 1_0\r\n\r\n{}", "length is malformed"),
        (HEAD + b"Content-Length: \xb2\r\n\r\n{}", "length is malformed"),
        (HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}", "length is malformed"),
        (HEAD + b"Content-Length: %d\r\n\r\n" % (LARGEST_BODY + 1), "larger than 64 MiB"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "length is malformed"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n", "chunk is malformed"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\nfffffff\r\n", "larger than 64 MiB"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 1000, "longer than 256"),
        (HEAD + b"no colon\r\n\r\n", "header is malformed"),
        (HEAD + b" folded: x\r\n\r\n", "header is malformed"),
        (HEAD + b"X: " + b"x" * 20_000 + b"\r\n\r\n", "longer than 16384"),
        (b"x" * 1_000_000, "longer than 16384"),
    ],
)
def test_bad_answers(answer: bytes, says: str, step: int) -> None:
    with pytest.raises(AnswerNotUnderstood, match=says):
        read_answer(source(answer, step))


@pytest.mark.parametrize("step", [3, 1 << 20])
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", HEAD + b"Content-Length: 3\r\n\r\n{}"])
def test_an_answer_that_ends_early_is_a_lost_connection(answer: bytes, step: int) -> None:
    with pytest.raises(ConnectionLost, match="ended in the middle"):
        read_answer(source(answer, step))
