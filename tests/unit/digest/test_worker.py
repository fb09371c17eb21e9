"""The worker against parents that do not keep to the protocol, and what it costs to have one."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wan_healthd.digest.framing import FrameReceiver
from wan_healthd.digest.process import WORKER_COMMAND, WorkerProcess
from wan_healthd.digest.protocol import (
    VERSION,
    Cancel,
    FromWorker,
    HeaderJob,
    Hello,
    LocateJob,
    Refused,
    ToWorker,
    decode_from_worker,
    encode,
)

GREETING = encode(Hello(VERSION))
PROTOCOL_STATUS = f"it ended with status {os.EX_PROTOCOL}"


class Parent:
    """Speaks bytes with a worker."""

    def __init__(self) -> None:
        self.process = WorkerProcess(WORKER_COMMAND)
        self.process.connection.setblocking(True)
        self._receiver = FrameReceiver(self.process.connection)

    def send(self, data: bytes, *descriptors: int) -> None:
        socket.send_fds(self.process.connection, [data], descriptors)

    def say(self, frame: ToWorker, *descriptors: int) -> None:
        self.send(encode(frame), *descriptors)

    def hear(self) -> FromWorker:
        received = self._receiver.receive()
        assert received is not None
        return decode_from_worker(received[0])

    def how_it_ended(self) -> str:
        assert select.select([self.process.pidfd], [], [], 5)[0], "the worker goes on"
        return self.process.reap()


@contextmanager
def parent() -> Iterator[Parent]:
    made = Parent()
    try:
        hello = made.hear()
        assert isinstance(hello, Hello) and hello.version == VERSION
        yield made
    finally:
        made.process.hang_up()


@pytest.mark.parametrize(
    "said",
    [
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        b"\0\0\0\4\xc1\xc1\xc1\xc1",
        encode(Hello(VERSION + 1)),
        encode(Cancel(1)),
        GREETING + GREETING,
        GREETING + b"\0\0\0\x05wrong",
        GREETING + b"\0\0\0\x02\x92\xa6",
    ],
)
def test_nonsense_ends_the_worker(said: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with parent() as talk:
        talk.send(said)
        assert talk.how_it_ended() == PROTOCOL_STATUS
    assert capfd.readouterr().err.startswith("wan-healthd digest worker: cannot go on: ")


def test_a_frame_with_two_descriptors_ends_the_worker(capfd: pytest.CaptureFixture[str]) -> None:
    with parent() as talk:
        talk.send(GREETING)
        talk.say(HeaderJob(1, "safetensors"), 0, 1)
        assert talk.how_it_ended() == PROTOCOL_STATUS
    assert "more than one descriptor" in capfd.readouterr().err


@pytest.mark.parametrize("rest", [b"", GREETING[:2], GREETING + b"\0\0\0\x09half"])
def test_the_end_of_the_stream_ends_the_worker(rest: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with parent() as talk:
        talk.send(rest or GREETING)
        talk.process.connection.shutdown(socket.SHUT_WR)
        assert talk.how_it_ended() == (PROTOCOL_STATUS if rest else "it ended with status 0")
    capfd.readouterr()


def test_a_bad_job_is_refused_and_the_next_one_done(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with parent() as talk, (tmp_path / "file").open("rb") as file:
        talk.send(GREETING)
        talk.say(HeaderJob(1, "safetensors"))
        assert talk.hear() == Refused(1, "EBADF", "the job came without a file")
        talk.say(LocateJob(2, "\x1b[31m" * 1000, b"", ()), file.fileno())
        refusal = talk.hear()
        assert isinstance(refusal, Refused)
        assert refusal.text.isprintable()
        assert len(refusal.text) <= 500
        talk.say(Cancel(2))
        talk.say(Cancel(77))
        talk.say(HeaderJob(1, "safetensors"), file.fileno())
        assert type(talk.hear()).__name__ == "HeaderDone"
        talk.process.kill()
        talk.how_it_ended()


def test_the_worker_keeps_no_descriptors(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with parent() as talk, (tmp_path / "file").open("rb") as file:
        talk.send(GREETING)
        for job in range(1, 30):
            talk.say(HeaderJob(job, "nonsense" if job % 2 else "safetensors"), file.fileno())
            talk.hear()
        held = [os.readlink(f"/proc/{talk.process.pid}/fd/{name}") for name in os.listdir(f"/proc/{talk.process.pid}/fd")]
        assert str(tmp_path / "file") not in held
        talk.process.kill()
        talk.how_it_ended()


def test_a_crash_leaves_no_core_file() -> None:
    with parent() as talk:
        limits = Path(f"/proc/{talk.process.pid}/limits").read_text()
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"]
        talk.process.kill()
        talk.how_it_ended()
