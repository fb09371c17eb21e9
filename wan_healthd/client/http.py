"""One HTTP/1.1 answer from a stream, read strictly and within bounds (RFC 9112).

It does no I/O: it says how much it can take and is handed bytes, by a blocking socket as well as by asyncio. The standard
library's http.client would do for the first, but it costs 15 ms at every start of `healthctl`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import NamedTuple, TypeVar

from wan_healthd.client.errors import AnswerNotUnderstood, ConnectionLost

T = TypeVar("T")
Reading = Generator[int, bytes, T]
"""Yields how many bytes it can take, and is sent up to that many; none at the end of the stream."""

LARGEST_BODY = 64 << 20
LARGEST_HEAD = 16 << 10
_READ = 64 << 10
_LONGEST_CHUNK_LINE = 256
_LOWEST_STATUS, _HIGHEST_STATUS = 200, 599


class HttpAnswer(NamedTuple):
    """Status, header fields by lower-case name, and the whole body."""

    status: int
    headers: dict[str, str]
    body: bytes


def read_answer(receive: Callable[[int], bytes]) -> HttpAnswer:
    """Read one answer.

    `receive` returns up to that many bytes, and none at the end of the stream; what it raises passes through.

    Raises:
        AnswerNotUnderstood: it is not HTTP/1, or is over a bound.
        ConnectionLost: it ends early.
    """
    steps = reading()
    wanted = next(steps)
    while True:
        received = receive(wanted)
        try:
            wanted = steps.send(received)
        except StopIteration as end:
            answer: HttpAnswer = end.value
            return answer


def reading() -> Reading[HttpAnswer]:
    """The steps of reading one answer; raises as `read_answer` does."""
    stream = _Stream()
    head = (yield from stream.until(b"\r\n\r\n", LARGEST_HEAD)).split(b"\r\n")
    status = _status(head[0])
    headers = _headers(head[1:])
    body = yield from _body(stream, headers)
    return HttpAnswer(status, headers, body)


class _Stream:
    """Bytes of the stream, in pieces of the reader's choice."""

    def __init__(self) -> None:
        self._held = bytearray()

    def until(self, mark: bytes, limit: int) -> Reading[bytes]:
        """The bytes before the next `mark`, which is dropped; at most `limit` of them."""
        while (found := self._held.find(mark, 0, limit + len(mark))) < 0:
            if len(self._held) > limit:
                raise AnswerNotUnderstood(f"a line or head is longer than {limit} bytes")
            yield from self._fill()
        taken = bytes(self._held[:found])
        del self._held[: found + len(mark)]
        return taken

    def exactly(self, count: int) -> Reading[bytes]:
        """The next `count` bytes."""
        while len(self._held) < count:
            yield from self._fill()
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken

    def _fill(self) -> Reading[None]:
        more = yield _READ
        if not more:
            raise ConnectionLost("the connection ended in the middle of the answer")
        self._held += more


def _status(line: bytes) -> int:
    version, _, rest = line.partition(b" ")
    code = rest[:3]
    if version not in (b"HTTP/1.1", b"HTTP/1.0") or not code.isdigit() or rest[3:4] not in (b"", b" "):
        raise AnswerNotUnderstood("it is not HTTP")
    if not _LOWEST_STATUS <= int(code) <= _HIGHEST_STATUS:
        raise AnswerNotUnderstood(f"its status is {int(code)}")
    return int(code)


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        key = name.decode("latin-1").lower()
        if not colon or not key or key != key.strip():
            raise AnswerNotUnderstood("a header is malformed")
        if key in headers and key in ("content-length", "transfer-encoding"):
            raise AnswerNotUnderstood(f"it has two headers {key}")
        headers[key] = value.strip().decode("latin-1")
    return headers


def _body(stream: _Stream, headers: dict[str, str]) -> Reading[bytes]:
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if length is not None and coding is None:
        return (yield from stream.exactly(_bounded(length, 10, 0)))
    if coding is not None and length is None and coding.lower() == "chunked":
        return (yield from _chunks(stream))
    raise AnswerNotUnderstood("it does not say how long it is")


def _chunks(stream: _Stream) -> Reading[bytes]:
    body = bytearray()
    while True:
        line = yield from stream.until(b"\r\n", _LONGEST_CHUNK_LINE)
        size = _bounded(line.partition(b";")[0].decode("latin-1"), 16, len(body))
        if size == 0:
            return bytes(body)  # trailers may follow; the connection is closed anyway
        body += yield from stream.exactly(size)
        if (yield from stream.exactly(2)) != b"\r\n":
            raise AnswerNotUnderstood("a chunk is malformed")


def _bounded(digits: str, base: int, already: int) -> int:
    allowed = "0123456789abcdefABCDEF" if base > len("0123456789") else "0123456789"
    if not digits or len(digits) > len(str(2**63)) or any(digit not in allowed for digit in digits):
        raise AnswerNotUnderstood("its length is malformed")
    if already + int(digits, base) > LARGEST_BODY:
        raise AnswerNotUnderstood(f"it is larger than {LARGEST_BODY >> 20} MiB")
    return int(digits, base)
